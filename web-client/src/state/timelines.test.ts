import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Channel, Message, MessagePage, SyncResult } from "../protocol/contract";
import { CHANNEL, ME, message, messages, NOON, NOOR } from "./testing/history";
import { failure, held, isOrdered, keys, messageRows, setUp, settled, shown } from "./testing/timelines";

beforeEach(() => void vi.useFakeTimers({ now: NOON + 60_000 }));
afterEach(() => void vi.useRealTimers());

const mine = (second: number, change: Partial<Message> = {}) => message(second, { author: ME, ...change });
const synced = (change: Partial<SyncResult> = {}, missed: Message[] = [], complete = true): SyncResult => ({
  serverTime: "2026-11-20T12:00:00.000Z",
  channels: { [CHANNEL]: { messages: missed.toReversed(), complete } },
  changed: [],
  ...change,
});

// Opening

test("opens at the bottom when all is read", async () => {
  const { open } = setUp(messages(1, 80), { lastReadId: message(80).id });
  const timeline = await open();
  expect(timeline.state).toBe("ready");
  expect(shown(timeline.rows)).toEqual(messages(31, 80).map(({ content }) => content));
  expect([timeline.hasOlder, timeline.hasNewer, timeline.tailAttached]).toEqual([true, false, true]);
  expect(timeline.scrollTarget).toEqual({ messageId: null, block: "start" });
});

test("opens at the first unread message, with what is around it", async () => {
  const { open } = setUp(messages(1, 200), { lastReadId: message(100).id });
  const timeline = await open();
  expect(timeline.firstUnreadId).toBe(message(101).id);
  expect(timeline.scrollTarget?.messageId).toBe(message(101).id);
  expect(timeline.tailAttached).toBe(false);
  const rows = shown(timeline.rows);
  expect(rows[rows.indexOf("new") + 1]).toBe("m101");
  expect(rows[rows.indexOf("new") - 1]).toBe("m100");
});

test("one's own messages are not unread", async () => {
  const { open } = setUp([message(1), mine(2), message(3)], { lastReadId: message(1).id });
  const timeline = await open();
  expect(shown(timeline.rows)).toEqual(["m1", "m2", "new", "m3"]);
  expect(timeline.unread).toMatchObject({ count: 1, more: false, since: message(3).createdAt });
});

test("paints from the cache, then shows what the server says", async () => {
  const { client, open } = setUp(messages(2, 6), { cached: messages(1, 5), lastReadId: message(6).id });
  const answer = held<MessagePage>();
  client.answers["message:list"] = () => answer.promise;
  const timeline = await open();
  expect(shown(timeline.rows)).toEqual(["m1", "m2", "m3", "m4", "m5"]);
  const before = messageRows(timeline.rows);
  timeline.scrolled();
  answer.resolve({ messages: messages(2, 6).reverse(), hasMore: false });
  await settled();
  expect(shown(timeline.rows)).toEqual(["m2", "m3", "m4", "m5", "m6"]);
  expect(messageRows(timeline.rows)[1]).toBe(before[2]);
  expect(timeline.scrollTarget).toBeNull();
});

test("shows the cache while there is no connection, and loads with `ready`", async () => {
  const { client, open } = setUp(messages(1, 6), { cached: messages(4, 5), lastReadId: message(1).id });
  const list = client.answers["message:list"];
  client.answers["message:list"] = () => {
    throw failure("offline");
  };
  const timeline = await open();
  expect(shown(timeline.rows)).toEqual(["m4", "m5"]);
  client.answers["message:list"] = list;
  client.push("ready", {} as never);
  await settled();
  expect(shown(timeline.rows)).toEqual(["m1", "new", "m2", "m3", "m4", "m5", "m6"]);
});

test("says when it has failed, and can be tried again", async () => {
  const { client, open } = setUp(messages(1, 3));
  const list = client.answers["message:list"];
  client.answers["message:list"] = () => {
    throw failure("timeout");
  };
  const timeline = await open();
  expect(timeline.state).toBe("failed");
  client.answers["message:list"] = list;
  timeline.retry();
  await settled();
  expect(shown(timeline.rows)).toEqual(["m1", "m2", "m3"]);
});

// Pushes and pages

test("a burst keeps its order, is drawn once, and gives one row each", async () => {
  const { open, push, frame } = setUp(messages(1, 50));
  const timeline = await open();
  const before = timeline.rows;
  push(...messages(51, 150), ...messages(120, 150));
  expect(timeline.rows).toBe(before);
  frame();
  await vi.advanceTimersByTimeAsync(200);
  const rows = messageRows(timeline.rows);
  expect(rows).toHaveLength(150);
  expect(isOrdered(rows.map((row) => row.message))).toBe(true);
  expect(new Set(keys(timeline.rows)).size).toBe(timeline.rows.length);
});

test("a prepended page leaves the rows below as they are", async () => {
  const { open } = setUp(messages(1, 120), { lastReadId: message(120).id });
  const timeline = await open();
  const before = messageRows(timeline.rows);
  await timeline.loadOlder();
  const after = messageRows(timeline.rows);
  expect(after).toHaveLength(100);
  // The first of the old page is grouped now.
  expect(after.slice(50).map(({ key }) => key)).toEqual(before.map(({ key }) => key));
  expect(after.slice(51).every((row, index) => row === before[index + 1])).toBe(true);
});

test("one request per direction is under way", async () => {
  const { client, open, requests } = setUp(messages(1, 200));
  const timeline = await open();
  const answer = held<MessagePage>();
  client.answers["message:list"] = () => answer.promise;
  void timeline.loadOlder();
  void timeline.loadOlder();
  expect(timeline.loadingOlder).toBe(true);
  expect(requests("message:list")).toHaveLength(2);
  answer.resolve({ messages: messages(101, 150).reverse(), hasMore: true });
  await settled();
  expect(timeline.loadingOlder).toBe(false);
  expect(messageRows(timeline.rows)).toHaveLength(100);
});

test("at most 250 messages are held; those dropped come back when scrolled to", async () => {
  const { open } = setUp(messages(1, 400), { lastReadId: message(400).id });
  const timeline = await open();
  for (let page = 0; page < 5; page += 1) await timeline.loadOlder();
  expect(messageRows(timeline.rows)).toHaveLength(250);
  expect([timeline.hasNewer, timeline.tailAttached]).toEqual([true, false]);
  await timeline.loadNewer();
  expect([messageRows(timeline.rows).length, timeline.tailAttached]).toEqual([250, true]);
  expect(messageRows(timeline.rows).at(-1)?.message.content).toBe("m400");
});

test("what arrives while the tail is not there is counted, not shown", async () => {
  const { open, push, frame } = setUp(messages(1, 200), { lastReadId: message(100).id });
  const timeline = await open();
  const before = timeline.rows;
  push(message(201), message(202), mine(203));
  frame();
  expect(timeline.rows).toBe(before);
  expect(timeline.arrivedBelow).toBe(2);
  await timeline.jumpToPresent();
  expect([timeline.arrivedBelow, timeline.tailAttached]).toEqual([0, true]);
  expect(messageRows(timeline.rows).at(-1)?.message.content).toBe("m203");
});

test("what arrives while the newest page is on its way is not lost", async () => {
  const { client, open, push, frame } = setUp(messages(1, 200), { lastReadId: message(150).id });
  const timeline = await open();
  const answer = held<MessagePage>();
  client.answers["message:list"] = () => answer.promise;
  const loading = timeline.loadNewer();
  push(message(201));
  frame();
  answer.resolve({ messages: messages(176, 200).reverse(), hasMore: false });
  await loading;
  expect(messageRows(timeline.rows).at(-1)?.message.content).toBe("m201");
});

test("a deleted message does not come back with an answer that was on its way", async () => {
  const { client, open } = setUp(messages(1, 200));
  const timeline = await open();
  const answer = held<MessagePage>();
  client.answers["message:list"] = () => answer.promise;
  const loading = timeline.loadOlder();
  client.push("message:deleted", { channelId: CHANNEL, messageId: message(140).id });
  answer.resolve({ messages: messages(101, 150).reverse(), hasMore: true });
  await loading;
  expect(shown(timeline.rows)).not.toContain("m140");
  client.push("message:created", message(140));
  await vi.advanceTimersByTimeAsync(300);
  expect(shown(timeline.rows)).not.toContain("m140");
});

test("a message that changed while its page was on its way is asked for again", async () => {
  const { client, server, open } = setUp(messages(1, 200));
  const timeline = await open();
  const answer = held<MessagePage>();
  const list = client.answers["message:list"];
  client.answers["message:list"] = () => answer.promise;
  const loading = timeline.loadOlder();
  const reacted = message(140, { reactions: [{ emoji: "👍", count: 1, me: false }] });
  server.messages = server.messages.map((each) => (each.id === reacted.id ? reacted : each));
  client.push("reaction:added", { channelId: CHANNEL, messageId: reacted.id, emoji: "👍", userId: NOOR.id });
  client.answers["message:list"] = list;
  answer.resolve({ messages: messages(101, 150).reverse(), hasMore: true });
  await loading;
  await settled();
  expect(timeline.message(reacted.id)?.reactions).toEqual(reacted.reactions);
});

test("the end that the reader is at stays when arriving messages fill the window", async () => {
  const { open, push, frame } = setUp(messages(1, 250), { lastReadId: message(250).id });
  const timeline = await open();
  timeline.scrolled();
  for (let page = 0; page < 4; page += 1) await timeline.loadOlder();
  timeline.atBottom(false);
  timeline.position = { messageId: message(3).id, offset: 0 };
  push(message(251));
  frame();
  const rows = messageRows(timeline.rows);
  expect([rows[0]?.message.content, rows.length, timeline.tailAttached]).toEqual(["m1", 200, false]);
});

// The outbox

test("an own message keeps its row from the outbox to the push, in either order of push and answer", async () => {
  for (const pushFirst of [true, false]) {
    const { client, open, push, frame } = setUp([message(1)]);
    const timeline = await open();
    const entry = client.outbox.add({ channelId: CHANNEL, content: "hello" });
    expect(shown(timeline.rows)).toEqual(["m1", "(hello)"]);
    const before = keys(timeline.rows);
    const stored = mine(2, { content: "hello", nonce: entry.nonce });
    const pushed = () => {
      push(stored);
      frame();
      expect(shown(timeline.rows)).toEqual(["m1", "hello"]);
      expect(keys(timeline.rows)).toEqual(before);
    };
    if (pushFirst) pushed();
    client.push("sent", entry, stored);
    expect(shown(timeline.rows)).toEqual(["m1", "hello"]);
    client.setEntries([]);
    expect(keys(timeline.rows)).toEqual(before);
    if (!pushFirst) pushed();
  }
});

test("pending messages stay last until they are sent", async () => {
  const { client, open, push, frame } = setUp([message(1)]);
  const timeline = await open();
  const entry = client.outbox.add({ channelId: CHANNEL, content: "hello" });
  client.outbox.add({ channelId: CHANNEL, content: "again" });
  timeline.atBottom(true);
  push(message(5));
  frame();
  expect(shown(timeline.rows)).toEqual(["m1", "m5", "(hello)", "(again)"]);
  client.push("sent", entry, mine(6, { content: "hello", nonce: entry.nonce }));
  expect(shown(timeline.rows)).toEqual(["m1", "m5", "hello", "(again)"]);
});

test("what was in the outbox before the channel was opened is shown", async () => {
  const { client, open } = setUp([message(1)]);
  client.outbox.add({ channelId: CHANNEL, content: "hello" });
  client.outbox.add({ channelId: "999", content: "elsewhere" });
  expect(shown((await open()).rows)).toEqual(["m1", "(hello)"]);
});

// Reactions

const react = (emoji: string, userId: string) => ({
  channelId: CHANNEL,
  messageId: message(1).id,
  emoji,
  userId,
});

test("an own reaction shows at once and counts once, whenever its push comes", async () => {
  for (const pushFirst of [true, false]) {
    const { client, open, frame } = setUp([message(1)]);
    const answer = held<object>();
    client.answers["reaction:add"] = () => answer.promise;
    const timeline = await open();
    const reactions = () => messageRows(timeline.rows)[0]?.message.reactions;
    const once = [{ emoji: "👍", count: 1, me: true }];
    const toggling = timeline.toggleReaction(message(1).id, "👍");
    expect(reactions()).toEqual(once);
    if (pushFirst) {
      client.push("reaction:added", react("👍", ME.id));
      frame();
      expect(reactions()).toEqual(once);
    }
    answer.resolve({});
    await toggling;
    expect(reactions()).toEqual(once);
    if (!pushFirst) {
      client.push("reaction:added", react("👍", ME.id));
      frame();
    }
    expect(reactions()).toEqual(once);
  }
});

test("a refused reaction is taken back, those of others stay", async () => {
  const { client, open, frame } = setUp([message(1)]);
  const answer = held<object>();
  client.answers["reaction:add"] = () => answer.promise;
  const timeline = await open();
  const toggling = timeline.toggleReaction(message(1).id, "👍");
  client.push("reaction:added", react("👍", NOOR.id));
  frame();
  expect(messageRows(timeline.rows)[0]?.message.reactions).toEqual([{ emoji: "👍", count: 2, me: true }]);
  answer.reject(failure("forbidden"));
  await expect(toggling).rejects.toThrow("forbidden");
  expect(messageRows(timeline.rows)[0]?.message.reactions).toEqual([{ emoji: "👍", count: 1, me: false }]);
});

test("toggling twice quickly ends where the reader wants it, one request at a time", async () => {
  const { client, open, requests } = setUp([message(1)]);
  const answer = held<object>();
  client.answers["reaction:add"] = () => answer.promise;
  const timeline = await open();
  const first = timeline.toggleReaction(message(1).id, "👍");
  const second = timeline.toggleReaction(message(1).id, "👍");
  expect(messageRows(timeline.rows)[0]?.message.reactions).toEqual([]);
  expect(requests("reaction:remove")).toHaveLength(0);
  answer.resolve({});
  await Promise.all([first, second]);
  expect(requests("reaction:remove")).toHaveLength(1);
  expect(messageRows(timeline.rows)[0]?.message.reactions).toEqual([]);
});

test("the reader's reaction on another device is the reader's", async () => {
  const { client, open, frame } = setUp([message(1)]);
  const timeline = await open();
  client.push("reaction:added", react("👍", ME.id));
  client.push("reaction:added", react("👍", NOOR.id));
  client.push("reaction:removed", react("👍", ME.id));
  client.push("pin:added", { channelId: CHANNEL, messageId: message(1).id });
  frame();
  expect(messageRows(timeline.rows)[0]?.message).toMatchObject({
    reactions: [{ emoji: "👍", count: 1, me: false }],
    pinned: true,
  });
});

// After a lost connection

test("the cursors are those from before the connection was lost, until a sync has succeeded", async () => {
  const { client, open, push, frame } = setUp(messages(1, 3));
  await open();
  expect(client.cursors()).toEqual({ [CHANNEL]: message(3).id });
  client.push("connection", { state: "reconnecting", transport: null, latencyMs: null, since: 0 });
  push(message(9));
  frame();
  expect(client.cursors()).toEqual({ [CHANNEL]: message(3).id });
  client.push("synced", synced());
  expect(client.cursors()).toEqual({ [CHANNEL]: message(9).id });
});

test("what a second sync is required for meanwhile is asked for from there, too", async () => {
  const { client, open, push, frame } = setUp(messages(1, 3));
  await open();
  client.push("sync:required", { reason: "lost" });
  expect(client.cursors()).toEqual({ [CHANNEL]: message(3).id });
  // The first sync is under way; what is lost now may be missing in its answer.
  push(message(5));
  frame();
  client.push("sync:required", { reason: "lost" });
  push(message(9));
  frame();
  client.push("synced", synced());
  expect(client.cursors()).toEqual({ [CHANNEL]: message(3).id });
  client.push("synced", synced());
  expect(client.cursors()).toEqual({ [CHANNEL]: message(9).id });
});

test("a sync that failed is asked for again from the same place", async () => {
  const { client, open, push, frame } = setUp(messages(1, 3));
  await open();
  client.push("sync:required", { reason: "lost" });
  client.cursors();
  push(message(9));
  frame();
  expect(client.cursors()).toEqual({ [CHANNEL]: message(3).id });
});

test("a `ready` on a running connection is a gap, too", async () => {
  const { client, open, push, frame } = setUp(messages(1, 3));
  await open();
  client.push("ready", {} as never);
  push(message(9));
  frame();
  expect(client.cursors()).toEqual({ [CHANNEL]: message(3).id });
});

test("what was missed is put in front of what has arrived since, once", async () => {
  const { client, open, push, frame } = setUp(messages(1, 3));
  const timeline = await open();
  timeline.atBottom(true);
  client.push("connection", { state: "reconnecting", transport: null, latencyMs: null, since: 0 });
  client.cursors();
  push(message(7));
  frame();
  client.push("synced", synced({}, messages(3, 7)));
  expect(shown(timeline.rows)).toEqual(["m1", "m2", "m3", "new", "m4", "m5", "m6", "m7"]);
});

test("messages that changed meanwhile are asked for again, together; deleted ones vanish", async () => {
  const { client, server, open, requests } = setUp(messages(1, 40));
  const timeline = await open();
  const edited = message(10, { content: "new", editedAt: "2026-11-20T13:00:00.000Z" });
  const pinned = message(30, { pinned: true });
  server.messages = server.messages
    .filter(({ id }) => id !== message(20).id && id !== message(25).id)
    .map((each) => [edited, pinned].find(({ id }) => id === each.id) ?? each);
  client.cursors();
  const change = (second: number, kind: SyncResult["changed"][number]["kind"]) => ({
    channelId: CHANNEL,
    messageId: message(second).id,
    kind,
  });
  const changed = [
    change(10, "updated"),
    change(20, "deleted"),
    change(25, "updated"),
    change(30, "pinned"),
    change(900, "updated"),
  ];
  client.push("synced", synced({ changed }));
  await settled();
  expect(requests("message:list")).toHaveLength(2);
  expect(timeline.message(edited.id)?.content).toBe("new");
  expect(timeline.message(pinned.id)?.pinned).toBe(true);
  expect(shown(timeline.rows)).not.toContain("m20");
  expect(shown(timeline.rows)).not.toContain("m25");
});

test("when too much was missed the window is read again where the reader is", async () => {
  const { client, server, open } = setUp(messages(1, 100), { lastReadId: message(100).id });
  const timeline = await open();
  timeline.scrolled();
  timeline.atBottom(false);
  timeline.position = { messageId: message(60).id, offset: 0 };
  client.cursors();
  server.messages = messages(1, 900);
  client.push("synced", synced({}, messages(880, 900), false));
  await settled();
  const rows = shown(timeline.rows);
  expect(rows).toContain("m60");
  expect(rows).toEqual(messages(35, 84).map(({ content }) => content));
  expect([timeline.tailAttached, timeline.scrollTarget]).toEqual([false, null]);
});

// Reading

test("the new line begins when the reader is not watching, and stays until the channel is left", async () => {
  const { open, push, frame, page } = setUp([message(1)], { lastReadId: message(1).id });
  const timeline = await open();
  timeline.scrolled();
  timeline.atBottom(true);
  push(message(2));
  frame();
  expect(shown(timeline.rows)).toEqual(["m1", "m2"]);
  timeline.seen(message(2).id, message(1).id);
  page.focused = false;
  push(mine(3), message(4), message(5));
  frame();
  expect(shown(timeline.rows)).toEqual(["m1", "m2", "m3", "new", "m4", "m5"]);
  timeline.seen(message(5).id, message(1).id);
  expect(shown(timeline.rows)).toContain("new");
  timeline.left();
  expect(shown(timeline.rows)).not.toContain("new");
});

test("a channel that was left opens at what has arrived since", async () => {
  const { open, push, frame, client } = setUp([message(1)], { lastReadId: message(1).id });
  const timeline = await open();
  timeline.scrolled();
  timeline.atBottom(true);
  timeline.left();
  push(message(2), message(3));
  frame();
  expect(timeline.firstUnreadId).toBe(message(2).id);
  expect(timeline.scrollTarget?.messageId).toBe(message(2).id);
  // Read elsewhere.
  client.push("readState:updated", { channelId: CHANNEL, lastReadId: message(3).id, mentionCount: 0 });
  await settled();
  expect([timeline.firstUnreadId, timeline.scrollTarget?.messageId]).toEqual([null, null]);
});

test("read states are sent at most once a second, and at once when the page is hidden", async () => {
  const { open, requests, page } = setUp(messages(1, 20), { lastReadId: message(1).id });
  const timeline = await open();
  timeline.scrolled();
  const told = () =>
    requests("channel:read").map(({ payload }) => (payload as { messageId: string }).messageId);
  for (const each of messages(2, 10)) timeline.seen(each.id, each.id);
  timeline.seen(message(4).id, message(4).id);
  expect(told()).toEqual([message(2).id]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(told()).toEqual([message(2).id, message(10).id]);
  timeline.seen(message(12).id, message(11).id);
  page.hide();
  expect(told().at(-1)).toBe(message(12).id);
});

test("what could not be told is told after the connection is back", async () => {
  const { client, open, requests, known } = setUp(messages(1, 20), { lastReadId: message(1).id });
  const timeline = await open();
  timeline.scrolled();
  client.answers["channel:read"] = () => {
    throw failure("offline");
  };
  timeline.seen(message(5).id, message(2).id);
  await vi.advanceTimersByTimeAsync(5000);
  expect(requests("channel:read")).toHaveLength(1);
  known(message(1).id);
  expect(requests("channel:read")).toHaveLength(2);
});

test("marked unread, it stays so until the channel is left", async () => {
  const { open, requests, reads } = setUp(messages(1, 20), { lastReadId: message(20).id });
  const timeline = await open();
  timeline.scrolled();
  await timeline.markUnreadFrom(message(10).id);
  expect(timeline.firstUnreadId).toBe(message(10).id);
  timeline.seen(message(20).id, message(20).id);
  await vi.advanceTimersByTimeAsync(2000);
  expect(requests("channel:read")).toHaveLength(1);
  expect(reads.lastReadId(CHANNEL)).toBe(String(BigInt(message(10).id) - 1n));
  timeline.left();
  expect(timeline.scrollTarget?.messageId).toBe(message(10).id);
  timeline.seen(message(20).id, message(10).id);
  expect(requests("channel:read")).toHaveLength(1);
  timeline.scrolled();
  timeline.seen(message(20).id, message(10).id);
  expect(requests("channel:read")).toHaveLength(2);
});

const readState = (second: number) => ({
  channelId: CHANNEL,
  lastReadId: message(second).id,
  mentionCount: 0,
});

test("nothing is read before the server has said how it is, and it opens there", async () => {
  const cached = messages(151, 200);
  const { client, open, known, requests } = setUp(messages(1, 200), { cached, known: false });
  const timeline = await open();
  expect(shown(timeline.rows)).toHaveLength(50);
  timeline.scrolled();
  timeline.atBottom(true);
  timeline.seen(message(200).id, message(190).id);
  known(message(40).id);
  client.push("ready", {} as never);
  timeline.seen(message(200).id, message(190).id);
  await settled();
  timeline.seen(message(200).id, message(190).id);
  expect(timeline.scrollTarget?.messageId).toBe(message(41).id);
  timeline.scrolled();
  timeline.seen(message(45).id, message(38).id);
  expect(requests("channel:read").map(({ payload }) => payload)).toEqual([
    { channelId: CHANNEL, messageId: message(45).id },
  ]);
});

test("a channel of a group that did not fit into `ready` opens where the server says, once it has", async () => {
  const cached = messages(151, 200);
  const { open, reads, partial, completed, requests } = setUp(messages(1, 200), { cached, known: false });
  // As it was the last time: read to the end.
  const old = { channelId: CHANNEL, lastReadId: message(200).id, mentionCount: 0 };
  const channel = { id: CHANNEL, groupId: "5", lastMessageId: message(200).id } as Channel;
  reads.applyReady({ groups: [], directChannels: [channel], readStates: [old] }, true);
  partial();
  const timeline = await open();
  expect(shown(timeline.rows)).toHaveLength(50);
  expect(requests("message:list")).toHaveLength(0);
  timeline.scrolled();
  timeline.atBottom(true);
  timeline.seen(message(200).id, message(190).id);
  reads.seen(CHANNEL, message(200).id);
  expect(requests("channel:read")).toHaveLength(0);
  completed(message(40).id);
  await settled();
  expect(timeline.scrollTarget?.messageId).toBe(message(41).id);
  expect(timeline.firstUnreadId).toBe(message(41).id);
  timeline.scrolled();
  timeline.seen(message(45).id, message(38).id);
  expect(requests("channel:read").map(({ payload }) => payload)).toEqual([
    { channelId: CHANNEL, messageId: message(45).id },
  ]);
});

test("after a reconnect nothing is told of a group that did not fit, before the server has said how it is", async () => {
  const setup = setUp(messages(1, 60), { lastReadId: message(40).id });
  const { client, open, reads, partial, completed, requests } = setup;
  const timeline = await open();
  timeline.scrolled();
  client.connection = { ...client.connection, state: "reconnecting" };
  timeline.seen(message(50).id, message(38).id);
  expect(requests("channel:read")).toHaveLength(0);
  client.connection = { ...client.connection, state: "online" };
  partial();
  await settled();
  reads.flush();
  expect(requests("channel:read")).toHaveLength(0);
  completed(message(40).id);
  await settled();
  expect(requests("channel:read").map(({ payload }) => payload)).toEqual([
    { channelId: CHANNEL, messageId: message(50).id },
  ]);
});

test("what was read before is told of no group in which another device has set it back", async () => {
  const { client, open, partial, completed, requests } = setUp(messages(1, 60), {
    lastReadId: message(40).id,
  });
  const timeline = await open();
  timeline.scrolled();
  client.connection = { ...client.connection, state: "reconnecting" };
  timeline.seen(message(50).id, message(38).id);
  client.connection = { ...client.connection, state: "online" };
  partial();
  await settled();
  completed(message(20).id);
  await settled();
  expect(requests("channel:read")).toHaveLength(0);
});

test("what a group does not say of its channels any more is not remembered", async () => {
  const { reads, known, partial, completed } = setUp(messages(1, 60), { known: false });
  known(message(40).id);
  partial();
  expect(reads.lastReadId(CHANNEL)).toBe(message(40).id);
  completed(null);
  expect(reads.lastReadId(CHANNEL)).toBe("0");
});

test("nothing of the cache is read while the server's page is on its way", async () => {
  const { client, open, requests } = setUp(messages(1, 60), {
    cached: messages(11, 60),
    lastReadId: message(40).id,
  });
  const answer = held<MessagePage>();
  client.answers["message:list"] = () => answer.promise;
  const timeline = await open();
  timeline.scrolled();
  timeline.seen(message(45).id, message(38).id);
  expect(requests("channel:read")).toHaveLength(0);
  answer.resolve({ messages: messages(16, 60).reverse(), hasMore: true, hasMoreBefore: true });
  await settled();
  expect(timeline.firstUnreadId).toBe(message(41).id);
});

test("set back elsewhere while it is open, it stays so until the channel is left", async () => {
  const { client, open, requests } = setUp(messages(1, 40), { lastReadId: message(40).id });
  const timeline = await open();
  timeline.scrolled();
  timeline.seen(message(40).id, message(30).id);
  client.push("readState:updated", readState(20));
  await settled();
  expect(timeline.firstUnreadId).toBe(message(21).id);
  timeline.seen(message(40).id, message(30).id);
  expect(requests("channel:read")).toHaveLength(0);
  timeline.left();
  expect(timeline.scrollTarget?.messageId).toBe(message(21).id);
});

test("set back elsewhere while it is not open, it opens there, near or far", async () => {
  for (const second of [170, 20]) {
    const { client, open, requests } = setUp(messages(1, 200), { lastReadId: message(200).id });
    const timeline = await open();
    timeline.scrolled();
    timeline.atBottom(true);
    timeline.left();
    client.push("readState:updated", readState(second));
    await settled();
    expect(timeline.scrollTarget?.messageId).toBe(message(second + 1).id);
    expect(shown(timeline.rows)).toContain("new");
    expect(requests("channel:read")).toHaveLength(0);
  }
});

test("the echo of an own request is no change elsewhere", async () => {
  const { client, open, reads } = setUp(messages(1, 40), { lastReadId: message(1).id });
  const timeline = await open();
  timeline.scrolled();
  for (const second of [10, 20, 30]) {
    timeline.seen(message(second).id, message(1).id);
    await vi.advanceTimersByTimeAsync(1000);
  }
  for (const second of [10, 20, 30]) {
    client.push("readState:updated", readState(second));
    await settled();
    expect(reads.lastReadId(CHANNEL)).toBe(message(30).id);
  }
  timeline.seen(message(40).id, message(1).id);
  expect(reads.lastReadId(CHANNEL)).toBe(message(40).id);
});

test("a jump reads on where nothing was left out", async () => {
  const { open, requests } = setUp(messages(1, 60), { lastReadId: message(50).id });
  const timeline = await open();
  timeline.scrolled();
  await timeline.jumpTo(message(48).id);
  timeline.scrolled();
  timeline.seen(message(55).id, message(45).id);
  expect(requests("channel:read")).toHaveLength(1);
});

test("marked read, nothing is new any more", async () => {
  const { open, reads } = setUp(messages(1, 200), { lastReadId: message(100).id });
  const timeline = await open();
  expect(timeline.unread).toEqual({ count: 24, more: true, since: message(101).createdAt });
  await timeline.markRead();
  expect(timeline.unread).toBeNull();
  expect(shown(timeline.rows)).not.toContain("new");
  expect(reads.lastReadId(CHANNEL)).toBe(message(200).id);
});

// Jumping

test("a jump shows the message highlighted for two seconds", async () => {
  const { open } = setUp(messages(1, 300), { lastReadId: message(300).id });
  const timeline = await open();
  await timeline.jumpTo(message(20).id);
  expect(shown(timeline.rows)).toContain("m20");
  expect(timeline.scrollTarget).toEqual({ messageId: message(20).id, block: "center" });
  expect([timeline.highlightedId, timeline.tailAttached]).toEqual([message(20).id, false]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(timeline.highlightedId).toBeNull();
});

test("a link to a message opens the channel there", async () => {
  const { timelines, requests } = setUp(messages(1, 300), { lastReadId: message(300).id });
  const timeline = timelines.of(CHANNEL);
  await timeline.jumpTo(message(20).id);
  expect(requests("message:list")).toHaveLength(1);
  expect(timeline.scrollTarget?.messageId).toBe(message(20).id);
});

test("a link to a message that is gone opens the channel as usual", async () => {
  const { timelines } = setUp(messages(1, 60), { lastReadId: message(60).id });
  const timeline = timelines.of(CHANNEL);
  await expect(timeline.jumpTo(message(20.5).id)).rejects.toMatchObject({ code: "message_not_found" });
  await settled();
  expect(timeline.tailAttached).toBe(true);
});

// Channels

test("a channel that vanishes is gone, and comes back with the membership", async () => {
  const { client, channels, open } = setUp(messages(1, 3));
  const timeline = await open();
  const channel = channels.get(CHANNEL)!;
  channels.delete(CHANNEL);
  client.push("group:deleted", { groupId: "5" });
  await settled();
  expect([timeline.state, timeline.rows.length]).toEqual(["gone", 0]);
  channels.set(CHANNEL, channel);
  client.push("group:created", { channels: [] } as never);
  await settled();
  expect(shown(timeline.rows)).toEqual(["m1", "m2", "m3"]);
});

test("the ten channels used last are kept", async () => {
  const { timelines } = setUp();
  const first = timelines.of("1");
  const second = timelines.of("2");
  for (let channel = 3; channel <= 10; channel += 1) timelines.of(`${channel}`);
  expect(timelines.of("1")).toBe(first);
  timelines.of("11");
  expect(timelines.of("1")).toBe(first);
  expect(timelines.of("2")).not.toBe(second);
});
