/** The read mark moves over what has been in view, and over nothing else. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Message, MessagePage, SyncResult } from "../protocol/contract";
import { CHANNEL, ME, message, messages, NOON } from "./testing/history";
import { failure, held, setUp, settled, shown } from "./testing/timelines";

beforeEach(() => void vi.useFakeTimers({ now: NOON + 60_000 }));
afterEach(() => void vi.useRealTimers());

const id = (second: number) => message(second).id;
const mine = (second: number) => message(second, { author: ME });
const synced = (missed: Message[], complete = true): SyncResult => ({
  serverTime: "2026-11-20T12:00:00.000Z",
  channels: { [CHANNEL]: { messages: missed.toReversed(), complete } },
  changed: [],
});

type Setup = ReturnType<typeof setUp>;
type Opened = Awaited<ReturnType<Setup["open"]>>;

/** As the UI does when it has brought these rows into view. */
function shows(timeline: Opened, from: number, to: number, bottom = false): void {
  timeline.scrolled();
  timeline.position = bottom ? null : { messageId: id(from), offset: 0 };
  timeline.atBottom(bottom);
  timeline.seen(id(to), id(from));
}

const lose = ({ client }: Setup) =>
  client.push("connection", { state: "reconnecting", transport: null, latencyMs: null, since: 0 });

/** Up to which second the channel is read. */
const readTo = ({ reads }: Setup) => {
  const last = reads.lastReadId(CHANNEL);
  return last === null ? null : Number((BigInt(last) >> 21n) - BigInt(NOON)) / 1000;
};

async function opened(stored: Message[], lastRead: number, options: Parameters<typeof setUp>[1] = {}) {
  const setup = setUp(stored, { lastReadId: id(lastRead), ...options });
  return { setup, timeline: await setup.open() };
}

describe("what the page passed over stays unread", () => {
  test("reading on takes the mark along", async () => {
    const { setup, timeline } = await opened(messages(1, 80), 60);
    shows(timeline, 58, 66);
    expect(readTo(setup)).toBe(66);
    shows(timeline, 66, 74);
    shows(timeline, 74, 80, true);
    expect(readTo(setup)).toBe(80);
  });

  test("someone at the end reads live messages at once", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 60);
    shows(timeline, 50, 60, true);
    for (const second of [61, 62, 63]) {
      setup.push(message(second));
      setup.frame();
      timeline.seen(id(second), id(second - 10));
      expect(readTo(setup)).toBe(second);
    }
    expect(timeline.unread).toBeNull();
  });

  test("what came while the window had no focus", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 60);
    shows(timeline, 50, 60, true);
    setup.page.focused = false;
    setup.push(...messages(61, 160));
    setup.frame();
    setup.page.focused = true;
    shows(timeline, 141, 160, true);
    expect(readTo(setup)).toBe(60);
    expect(timeline.unread).toMatchObject({ count: 100, since: message(61).createdAt });
  });

  test("a burst that was followed and does not fit into the view", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 60);
    shows(timeline, 50, 60, true);
    setup.push(...messages(61, 100));
    setup.frame();
    shows(timeline, 85, 100, true);
    expect(readTo(setup)).toBe(60);
    expect(shown(timeline.rows)).toContain("new");
    expect(timeline.unread).toMatchObject({ count: 40, since: message(61).createdAt });
  });

  test("a jump to the present, and an own message sent from there", async () => {
    const { setup, timeline } = await opened(messages(1, 310), 60);
    shows(timeline, 58, 66);
    await timeline.jumpToPresent();
    shows(timeline, 295, 310, true);
    expect(readTo(setup)).toBe(66);
    const entry = setup.client.outbox.add({ channelId: CHANNEL, content: "hello" });
    setup.client.push("sent", entry, mine(311));
    shows(timeline, 296, 311, true);
    expect(readTo(setup)).toBe(66);
    expect(timeline.unread).toMatchObject({ more: true });
    await timeline.jumpToFirstUnread();
    expect(timeline.scrollTarget?.messageId).toBe(id(61));
  });

  test("a link near the end, and a notch of the wheel", async () => {
    const { setup, timeline } = await opened(messages(1, 200), 20);
    await timeline.jumpTo(id(190));
    shows(timeline, 180, 196);
    shows(timeline, 184, 200, true);
    expect(readTo(setup)).toBe(20);
  });

  test("what is shown while a link is being followed", async () => {
    const { setup, timeline } = await opened(messages(1, 200), 20);
    timeline.scrolled();
    const { client } = setup;
    const answer = held<MessagePage>();
    client.answers["message:list"] = () => answer.promise;
    const jumped = timeline.jumpTo(id(150));
    timeline.seen(id(30), id(18));
    expect(readTo(setup)).toBe(20);
    answer.reject(failure("timeout"));
    await expect(jumped).rejects.toThrow("timeout");
    expect(timeline.settled).toBe(true);
    timeline.seen(id(30), id(18));
    expect(readTo(setup)).toBe(30);
  });

  test("rows that were in view before those above them count when these are", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 10);
    await timeline.jumpTo(id(30));
    shows(timeline, 20, 40);
    expect(readTo(setup)).toBe(10);
    shows(timeline, 11, 25);
    expect(readTo(setup)).toBe(40);
  });

  test("it counts for nothing any more when the channel was left, or was set back", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 10);
    await timeline.jumpTo(id(30));
    shows(timeline, 20, 40);
    timeline.left();
    shows(timeline, 11, 19);
    expect(readTo(setup)).toBe(19);
    await timeline.markUnreadFrom(id(5));
    timeline.left();
    shows(timeline, 4, 6);
    expect(readTo(setup)).toBe(6);
  });

  test("when the only one that was not in view is deleted, the rest is read", async () => {
    const { setup, timeline } = await opened(messages(1, 40), 10);
    await timeline.jumpTo(id(30));
    shows(timeline, 12, 40, true);
    expect(readTo(setup)).toBe(10);
    setup.client.push("message:deleted", { channelId: CHANNEL, messageId: id(11) });
    setup.frame();
    expect(readTo(setup)).toBe(40);
  });
});

describe("after a lost connection", () => {
  test("what was missed is new, and the reader is taken there", async () => {
    const { setup, timeline } = await opened(messages(1, 100), 100);
    shows(timeline, 85, 100, true);
    lose(setup);
    setup.client.cursors();
    setup.server.messages = messages(1, 140);
    setup.client.push("synced", synced(messages(101, 140)));
    expect(timeline.scrollTarget).toMatchObject({ messageId: id(101), block: "start" });
    expect(shown(timeline.rows)).toContain("new");
    timeline.seen(id(140), id(125));
    expect(readTo(setup)).toBe(100);
    shows(timeline, 99, 110);
    expect(readTo(setup)).toBe(110);
    expect(timeline.unread).toMatchObject({ count: 40 });
  });

  test("also where it is more than a sync answers", async () => {
    const { setup, timeline } = await opened(messages(1, 100), 100);
    shows(timeline, 85, 100, true);
    lose(setup);
    setup.client.cursors();
    setup.server.messages = messages(1, 400);
    setup.known(id(100));
    setup.client.push("synced", synced(messages(301, 400), false));
    await settled();
    expect(timeline.scrollTarget).toMatchObject({ messageId: id(101), block: "start" });
    expect(timeline.tailAttached).toBe(false);
    shows(timeline, 99, 110);
    expect(readTo(setup)).toBe(110);
  });

  test("what comes before the sync has answered is read when the gap before it is known", async () => {
    for (const missed of [[], messages(101, 104)]) {
      const { setup, timeline } = await opened(messages(1, 100), 100);
      shows(timeline, 85, 100, true);
      lose(setup);
      setup.client.cursors();
      setup.push(message(105));
      setup.frame();
      shows(timeline, 86, 105, true);
      expect(readTo(setup)).toBe(100);
      setup.client.push("synced", synced([...missed, message(105)]));
      expect(readTo(setup)).toBe(missed.length > 0 ? 100 : 105);
    }
  });

  test("who reads further up stays there", async () => {
    const { setup, timeline } = await opened(messages(1, 100), 100);
    shows(timeline, 60, 75);
    lose(setup);
    setup.client.cursors();
    setup.client.push("synced", synced(messages(101, 140)));
    expect(timeline.scrollTarget).toBeNull();
    expect(timeline.arrivedBelow).toBe(40);
    expect(timeline.firstUnreadId).toBe(id(101));
  });

  test("a line of which all was read moves to what is new", async () => {
    const { setup, timeline } = await opened(messages(1, 65), 60);
    shows(timeline, 55, 65, true);
    setup.page.focused = false;
    setup.push(...messages(66, 70));
    setup.frame();
    expect(timeline.firstUnreadId).toBe(id(66));
  });

  test("nothing is told before the server has said how it is", async () => {
    const { setup, timeline } = await opened(messages(1, 100), 50);
    const told = () => setup.requests("channel:read").length;
    timeline.scrolled();
    lose(setup);
    timeline.seen(id(60), id(49));
    setup.page.hide();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(told()).toBe(0);
    setup.client.connection = { state: "online", transport: "websocket", latencyMs: 1, since: 0 };
    setup.known(id(50));
    setup.client.cursors();
    setup.client.push("synced", synced([]));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told()).toBe(1);
  });
});

describe("where the channel opens", () => {
  test("while something else is in front of it, where something new begins", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 60);
    shows(timeline, 45, 60, true);
    timeline.covered();
    setup.push(...messages(61, 100));
    setup.frame();
    expect(timeline.settled).toBe(false);
    expect(timeline.scrollTarget?.messageId).toBe(id(61));
    timeline.seen(id(100), id(85));
    expect(readTo(setup)).toBe(60);
  });

  test("set back meanwhile, where that begins", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 60);
    shows(timeline, 45, 60, true);
    timeline.covered();
    setup.client.push("readState:updated", { channelId: CHANNEL, lastReadId: id(30), mentionCount: 0 });
    await settled();
    expect(timeline.scrollTarget?.messageId).toBe(id(31));
    timeline.seen(id(60), id(45));
    expect(readTo(setup)).toBe(30);
  });

  test("where it was left, or beside that if it is deleted since", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 60);
    shows(timeline, 20, 35);
    timeline.left();
    expect(timeline.scrollTarget).toMatchObject({ messageId: id(20), offset: 0 });
    setup.client.push("message:deleted", { channelId: CHANNEL, messageId: id(20) });
    setup.frame();
    expect(timeline.scrollTarget).toMatchObject({ messageId: id(21) });
  });

  test("a target that is deleted gives way to what follows it", async () => {
    const { setup, timeline } = await opened(messages(1, 60), 30);
    expect(timeline.scrollTarget?.messageId).toBe(id(31));
    setup.client.push("message:deleted", { channelId: CHANNEL, messageId: id(31) });
    setup.frame();
    expect([timeline.firstUnreadId, timeline.scrollTarget?.messageId]).toEqual([id(32), id(32)]);
  });

  test("a target that is not there leads to what is new, else to the end", async () => {
    for (const [lastRead, there] of [
      [30, id(31)],
      [60, null],
    ] as const) {
      const { timeline } = await opened(messages(1, 60), lastRead);
      timeline.scrolled();
      timeline.position = { messageId: id(20.5), offset: 0 };
      timeline.left();
      expect(timeline.scrollTarget?.messageId).toBe(id(20.5));
      timeline.targetMissing();
      expect(timeline.scrollTarget?.messageId).toBe(there);
    }
  });

  test("a link is followed though the cache has its message", async () => {
    const setup = setUp(messages(1, 60), { cached: messages(11, 60), lastReadId: id(50), known: false });
    const timeline = await setup.open();
    const answer = held<MessagePage>();
    const { client } = setup;
    const list = client.answers["message:list"];
    client.answers["message:list"] = () => answer.promise;
    setup.known(id(50));
    client.push("ready", {} as never);
    await settled();
    client.answers["message:list"] = list;
    const jumped = timeline.jumpTo(id(30));
    answer.resolve(setup.server.list({ channelId: CHANNEL }));
    await jumped;
    await settled();
    expect(timeline.scrollTarget).toMatchObject({ messageId: id(30), block: "center" });
    expect(timeline.highlightedId).toBe(id(30));
  });

  test("behind own messages that no page takes in", async () => {
    const own = Array.from({ length: 30 }, (_, index) => mine(101 + index));
    const { setup, timeline } = await opened([...messages(1, 100), ...own, ...messages(131, 160)], 100);
    expect(timeline.scrollTarget?.messageId).toBe(id(131));
    expect(timeline.firstUnreadId).toBe(id(131));
    shows(timeline, 129, 135);
    expect(readTo(setup)).toBe(135);
  });
});

describe("the bar", () => {
  test("leads to what is unread above the window that a link has opened", async () => {
    const setup = setUp(messages(1, 300), { lastReadId: id(20) });
    const timeline = setup.timelines.of(CHANNEL);
    await timeline.jumpTo(id(250));
    shows(timeline, 245, 255);
    expect(timeline.unread).toEqual({ count: 50, more: true, since: message(20).createdAt });
    await timeline.jumpToFirstUnread();
    expect(timeline.scrollTarget?.messageId).toBe(id(21));
    expect(timeline.firstUnreadId).toBe(id(21));
    expect(timeline.unread).toBeNull();
    shows(timeline, 19, 30);
    expect(timeline.unread).toBeNull();
  });

  test("left at the end below unread ones, it opens where these begin", async () => {
    const setup = setUp(messages(1, 300), { lastReadId: id(20) });
    const timeline = setup.timelines.of(CHANNEL);
    await timeline.jumpTo(id(290));
    shows(timeline, 280, 300, true);
    timeline.left();
    await settled();
    expect(timeline.scrollTarget?.messageId).toBe(id(21));
  });

  test("comes back after another jump over what is unread", async () => {
    const { timeline } = await opened(messages(1, 300), 20);
    await timeline.jumpToFirstUnread();
    shows(timeline, 19, 30);
    expect(timeline.unread).toBeNull();
    await timeline.jumpToPresent();
    shows(timeline, 285, 300, true);
    expect(timeline.unread).toMatchObject({ more: true, since: message(21).createdAt });
  });

  test("finds what follows its message, which was deleted far from the window", async () => {
    const { setup, timeline } = await opened(messages(1, 300), 20);
    shows(timeline, 19, 20);
    await timeline.jumpToPresent();
    shows(timeline, 285, 300, true);
    setup.server.messages = setup.server.messages.filter((each) => each.id !== id(21));
    setup.client.push("message:deleted", { channelId: CHANNEL, messageId: id(21) });
    setup.frame();
    await timeline.jumpToFirstUnread();
    expect(timeline.scrollTarget?.messageId).toBe(id(22));
    expect(timeline.firstUnreadId).toBe(id(22));
  });
});

describe("what could not be read from the server", () => {
  test("is asked for again, and until then the cache's messages are not current", async () => {
    const setup = setUp(messages(1, 60), { cached: messages(11, 50), lastReadId: id(60) });
    const { client } = setup;
    const list = client.answers["message:list"];
    client.answers["message:list"] = () => {
      throw failure("timeout");
    };
    const timeline = await setup.open();
    expect([timeline.state, timeline.outdated]).toEqual(["ready", true]);
    await vi.advanceTimersByTimeAsync(2_500);
    expect([timeline.state, timeline.outdated]).toEqual(["ready", true]);
    client.answers["message:list"] = list;
    await vi.advanceTimersByTimeAsync(2_500);
    expect(timeline.outdated).toBe(false);
    expect(shown(timeline.rows).at(-1)).toBe("m60");
  });

  test("nor is a window that was to be read again", async () => {
    const { setup, timeline } = await opened(messages(1, 200), 200);
    const { client } = setup;
    shows(timeline, 185, 200, true);
    timeline.left();
    const list = client.answers["message:list"];
    client.answers["message:list"] = () => {
      throw Object.assign(failure("rate_limited"), { retryAfterMs: 5_000 });
    };
    client.push("readState:updated", { channelId: CHANNEL, lastReadId: id(20), mentionCount: 0 });
    await settled();
    expect(timeline.outdated).toBe(true);
    client.answers["message:list"] = list;
    await vi.advanceTimersByTimeAsync(4_000);
    expect(timeline.outdated).toBe(true);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(timeline.outdated).toBe(false);
    expect(timeline.scrollTarget?.messageId).toBe(id(21));
  });

  test("is not asked for when the channel is no longer kept", async () => {
    const setup = setUp(messages(1, 60), { lastReadId: id(60) });
    setup.client.answers["message:list"] = () => {
      throw failure("timeout");
    };
    await setup.open();
    setup.timelines.reset();
    const before = setup.requests("message:list").length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(setup.requests("message:list")).toHaveLength(before);
  });
});
