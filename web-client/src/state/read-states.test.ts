import { describe, expect, it } from "vitest";
import * as states from "./read-states";

const newest = (id: string, foreignId = id) => ({ id, foreignId });
const entry = (
  lastReadId: string | null,
  unconfirmed: states.ReadEntry["unconfirmed"] = null,
  mentionCount = 0,
  confirmedId = lastReadId,
) => ({
  lastReadId,
  mentionCount,
  confirmedId,
  unconfirmed,
});
const server = (lastReadId: string | null, mentionCount = 0) => ({
  channelId: "c",
  lastReadId,
  mentionCount,
});

describe("isUnread", () => {
  it("compares ids by size, not by letters", () => {
    expect(states.isUnread(newest("10"), "9")).toBe(true);
    expect(states.isUnread(newest("9"), "10")).toBe(false);
  });

  it("is never made by one's own message", () => {
    const mine = states.withMessage(newest("5"), "6", true);
    expect(states.isUnread(mine, "5")).toBe(false);
    expect(states.isUnread(states.withMessage(mine, "7", false), "5")).toBe(true);
  });

  it("does not take one's own message for another's when `ready` repeats it", () => {
    const mine = states.withMessage(newest("5"), "6", true);
    for (const told of [states.ofChannel, states.withChannel]) {
      expect(states.isUnread(told(mine, { lastMessageId: "6" }), "5")).toBe(false);
      expect(states.isUnread(told(mine, { lastMessageId: "7" }), "5")).toBe(true);
    }
  });

  it("ends when `ready` knows of nothing newer any more", () => {
    expect(states.isUnread(states.ofChannel(newest("9"), { lastMessageId: "5" }), "5")).toBe(false);
    expect(states.isUnread(states.ofChannel(newest("9"), {}), null)).toBe(false);
  });

  it("is not ended by a channel that was announced before its newest message", () => {
    expect(states.isUnread(states.withChannel(newest("9"), { lastMessageId: "5" }), "5")).toBe(true);
    expect(states.isUnread(states.withChannel(newest("9"), {}), "5")).toBe(true);
  });
});

describe("withoutMessage", () => {
  it("is what the server says is left", () => {
    expect(states.withoutMessage(newest("60"), "60", "50")).toEqual(newest("50"));
    expect(states.withoutMessage(newest("60"), "60", null)).toEqual(states.NO_MESSAGES);
    expect(states.withoutMessage(newest("60", "40"), "60", "50")).toEqual(newest("50", "40"));
  });

  it("leaves what came by since, and what was never the newest", () => {
    expect(states.withoutMessage(newest("70"), "60", "50")).toEqual(newest("70"));
    expect(states.withoutMessage(newest("70"), "60", null)).toEqual(newest("70"));
    expect(states.withoutMessage(newest("70"), "60", undefined)).toEqual(newest("70"));
    expect(states.withoutMessage(newest("70", "60"), "60", undefined)).toEqual(newest("70", "59"));
  });
});

describe("mergeReadState", () => {
  it("takes what the server says, also further back, when nothing is under way", () => {
    expect(states.mergeReadState(entry("9"), server("4", 2), newest("9"))).toEqual(entry("4", null, 2));
    expect(states.mergeReadState(entry("9"), server(null), newest("9"))).toEqual(entry(null));
  });

  it("keeps what was read here and the server has not heard of", () => {
    for (const how of ["seen", "marked"] as const) {
      const here = entry("9", how, 2, "3");
      expect(states.mergeReadState(here, server("3", 2), newest("9"))).toEqual(entry("9", how, 0, "3"));
      expect(states.mergeReadState(here, server("4", 2), newest("9"))).toEqual(entry("9", how, 0, "4"));
    }
  });

  it("lets go of what was only seen here when it was set back elsewhere", () => {
    const seen = entry("9", "seen", 0, "7");
    expect(states.mergeReadState(seen, server("4", 2), newest("9"))).toEqual(entry("4", null, 2));
    const marked = entry("9", "marked", 0, "7");
    expect(states.mergeReadState(marked, server("4"), newest("9"))).toEqual(entry("9", "marked", 0, "4"));
  });

  it("counts mentions behind what was read here", () => {
    const merged = states.mergeReadState(entry("9", "seen", 0, "4"), server("4", 2), newest("12"));
    expect(merged).toEqual(entry("9", "seen", 2, "4"));
  });

  it("is confirmed by the same position, or one further on", () => {
    const seen = entry("9", "seen", 0, "4");
    expect(states.mergeReadState(seen, server("9"), newest("9"))).toEqual(entry("9"));
    expect(states.mergeReadState(seen, server("11"), newest("11"))).toEqual(entry("11"));
  });

  it("keeps an unread mark against a late answer that read further", () => {
    const back = entry("3", "back", 0, "8");
    expect(states.mergeReadState(back, server("9"), newest("9"))).toEqual(entry("3", "back", 0, "9"));
    expect(states.mergeReadState(back, server("3", 1), newest("9"))).toEqual(entry("3", null, 1));
  });
});

describe("reading", () => {
  it("never goes back, and to the end takes the mentions away", () => {
    expect(states.readUpTo(entry("9"), "4", newest("9"), "seen")).toEqual(entry("9"));
    const some = entry("4", null, 2);
    expect(states.readUpTo(some, "9", newest("9"), "seen")).toEqual(entry("9", "seen", 0, "4"));
    expect(states.readUpTo(some, "7", newest("9"), "marked")).toEqual(entry("7", "marked", 2, "4"));
  });

  it("goes back when marked unread, and as it was when that is refused", () => {
    const back = states.setBackTo(entry("9"), "4");
    expect(back).toEqual(entry("4", "back", 0, "9"));
    expect(states.refused(back)).toEqual(entry("9"));
  });
});
