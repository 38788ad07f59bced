import { describe, expect, it } from "vitest";
import { heard, IDLE_AFTER_MS, told, type MyStatus } from "./my-status";
import { defaultLevel, notificationBody, shouldNotify } from "./notify";
import { has, hasByRank, rank } from "./permissions";
import { parseSettings } from "./settings.svelte";
import { BOB, channel, direct, ME, message } from "./testing/make";
import { ended, expired, nextExpiry, started, TYPING_MS } from "./typing";
import { WatchList } from "./watch-list";

describe("permissions", () => {
  it("reads the bits", () => {
    expect(has("135", "send")).toBe(true);
    expect(has("135", "manageMessages")).toBe(false);
    expect(has("not a number", "view")).toBe(false);
  });

  it("ranks owner, admin, moderator, member", () => {
    const of = (roles: string[], ownerId: string | null = "9") => rank({ userId: ME.id, roles }, { ownerId });
    expect([of([], ME.id), of(["admin", "moderator"]), of(["moderator"]), of(["other"])]).toEqual([
      3, 2, 1, 0,
    ]);
    expect(hasByRank(1, "manageMembers")).toBe(true);
    expect(hasByRank(1, "manageChannels")).toBe(false);
  });
});

describe("WatchList", () => {
  it("merges callers and ends with them", () => {
    const list = new WatchList();
    const end = list.add(["1", "2"]);
    list.add(["2", "3"]);
    expect(list.merged(10)).toEqual(["1", "2", "3"]);
    end();
    end();
    expect(list.merged(10)).toEqual(["2", "3"]);
  });

  it("prefers who asked last when there are too many", () => {
    const list = new WatchList();
    list.add(["1", "2"]);
    list.add(["8", "9"]);
    expect(list.merged(3)).toEqual(["1", "8", "9"]);
  });
});

describe("typing", () => {
  it("expires unless repeated, and ends with a message", () => {
    const first = started(new Map(), "2", 0);
    const again = started(first, "2", 5000);
    expect(expired(again, TYPING_MS)).toBe(again);
    expect(expired(again, TYPING_MS + 5000).size).toBe(0);
    expect(ended(again, "2").size).toBe(0);
    expect(ended(again, "3")).toBe(again);
    expect(nextExpiry([again, first])).toBe(TYPING_MS);
    expect(nextExpiry([])).toBeNull();
  });
});

describe("own presence", () => {
  const chosen = (status: MyStatus["status"], text = ""): MyStatus => ({ status, text });
  const push = (status: "online" | "idle" | "dnd" | "offline", text = "") => ({
    userId: ME.id,
    status,
    text,
  });

  it("turns idle by itself only from online", () => {
    expect(told(chosen("online"), 0, IDLE_AFTER_MS).status).toBe("idle");
    expect(told(chosen("online"), 0, IDLE_AFTER_MS - 1).status).toBe("online");
    expect(told(chosen("dnd"), 0, IDLE_AFTER_MS).status).toBe("dnd");
    expect(told(chosen("invisible"), 0, IDLE_AFTER_MS).status).toBe("invisible");
  });

  it("adopts what was chosen on another device, and not its own echo", () => {
    const said = { status: "online" as const, at: 0 };
    expect(heard(chosen("online"), said, push("dnd", "busy"), 60_000).chosen).toEqual(chosen("dnd", "busy"));
    expect(heard(chosen("online"), said, push("dnd"), 1000).chosen).toEqual(chosen("online"));
  });

  it("takes back the idleness of another device while this one is in use", () => {
    const back = heard(chosen("online"), { status: "online", at: 0 }, push("idle"), 60_000);
    expect(back).toEqual({ chosen: chosen("online"), sayAgain: true });
    expect(heard(chosen("online"), { status: "idle", at: 0 }, push("idle"), 60_000).sayAgain).toBe(false);
  });

  it("stays invisible when others see offline", () => {
    const here = heard(chosen("invisible"), { status: "invisible", at: 0 }, push("offline"), 60_000);
    expect(here.chosen.status).toBe("invisible");
  });
});

describe("notifications", () => {
  const situation = { meId: ME.id, level: "all", status: "online", focused: false } as const;
  const mention = message("5", "10", BOB, { mentions: [ME.id] });

  it.each([
    ["a message of somebody else", message("5", "10"), {}, true],
    ["one's own", message("5", "10", ME), {}, false],
    ["while the page has the focus", mention, { focused: true }, false],
    ["while not to be disturbed", mention, { status: "dnd" }, false],
    ["a mention where only those count", mention, { level: "mentions" }, true],
    [
      "@everyone where only mentions count",
      message("5", "10", BOB, { mentionsEveryone: true }),
      { level: "mentions" },
      true,
    ],
    ["any other where only mentions count", message("5", "10"), { level: "mentions" }, false],
    ["a mention in a muted channel", mention, { level: "none" }, false],
  ] as const)("%s", (_, of, change, expected) => {
    expect(shouldNotify(of, { ...situation, ...change })).toBe(expected);
  });

  it("is quiet by default where everybody is", () => {
    expect(defaultLevel(channel("1"), true)).toBe("mentions");
    expect(defaultLevel(channel("1"), false)).toBe("all");
    expect(defaultLevel(direct("1"), false)).toBe("all");
  });

  it("says names, keeps spoilers, and is short", () => {
    expect(notificationBody("hi <@2>,\n||it was him||", () => "Bob")).toBe("hi \u2068@Bob\u2069, ▒▒▒");
    expect(notificationBody("a".repeat(300), () => "")).toHaveLength(200);
  });
});

it("settings that are no choice become the default", () => {
  const settings = parseSettings({ theme: "pink", fontSize: 18, sounds: "yes" });
  expect(settings).toMatchObject({ theme: "system", fontSize: 18, sounds: false });
});
