import { describe, expect, it } from "vitest";
import * as states from "./read-states";

const newest = (id: string, foreignId = id) => ({ id, foreignId });
const entry = (
  lastReadId: string | null,
  unconfirmed: states.ReadEntry["unconfirmed"] = null,
  mentionCount = 0,
) => ({
  lastReadId,
  mentionCount,
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
    expect(states.isUnread(states.withChannel(mine, { lastMessageId: "6" }), "5")).toBe(false);
    expect(states.isUnread(states.withChannel(mine, { lastMessageId: "7" }), "5")).toBe(true);
  });

  it("ends when the only unread message is deleted", () => {
    expect(states.isUnread(states.withoutMessage(newest("6"), "6"), "5")).toBe(false);
  });

  it("counts from joining where nothing was read yet", () => {
    const membership = { joinedAt: "2026-01-01T00:00:00.000Z" } as Parameters<typeof states.readFrom>[1];
    const from = states.readFrom(undefined, membership);
    expect(from).toBe(((1767225600000n << 21n) as bigint).toString());
    expect(states.readFrom(entry("0"), membership)).toBe("0");
    expect(states.readFrom(undefined, undefined)).toBeNull();
  });
});

describe("mergeReadState", () => {
  it("takes what the server says, also further back, when nothing is under way", () => {
    expect(states.mergeReadState(entry("9"), server("4", 2), newest("9"))).toEqual(entry("4", null, 2));
  });

  it("keeps what was read here and the server has not heard of", () => {
    expect(states.mergeReadState(entry("9", "forward"), server("4", 2), newest("9"))).toEqual(
      entry("9", "forward", 0),
    );
  });

  it("counts mentions behind what was read here", () => {
    const merged = states.mergeReadState(entry("9", "forward"), server("4", 2), newest("12"));
    expect(merged).toEqual(entry("9", "forward", 2));
  });

  it("is confirmed by the same position, or one further on", () => {
    expect(states.mergeReadState(entry("9", "forward"), server("9"), newest("9"))).toEqual(entry("9"));
    expect(states.mergeReadState(entry("9", "forward"), server("11"), newest("11"))).toEqual(entry("11"));
  });

  it("keeps an unread mark against a late answer that read further", () => {
    expect(states.mergeReadState(entry("3", "back"), server("9"), newest("9"))).toEqual(entry("3", "back"));
    expect(states.mergeReadState(entry("3", "back"), server("3", 1), newest("9"))).toEqual(
      entry("3", null, 1),
    );
  });
});

describe("reading", () => {
  it("never goes back, and to the end takes the mentions away", () => {
    expect(states.readUpTo(entry("9"), "4", newest("9"))).toEqual(entry("9"));
    expect(states.readUpTo(entry("4", null, 2), "9", newest("9"))).toEqual(entry("9", "forward", 0));
    expect(states.readUpTo(entry("4", null, 2), "7", newest("9"))).toEqual(entry("7", "forward", 2));
  });

  it("goes back when marked unread", () => {
    expect(states.assumed(entry("9"), "4", newest("9"))).toEqual(entry("4", "back"));
    expect(states.assumed(entry("4"), "9", newest("9"))).toEqual(entry("9", "forward"));
  });
});
