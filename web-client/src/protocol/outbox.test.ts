// @vitest-environment node
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { OutboxEntry } from "./api";
import type { Message, MessageCreate } from "./contract";
import { ApiFailure, offline, timedOut } from "./failure";
import { createExclusive, type Exclusive } from "./locks";
import { createOutbox, type OutboxKeeper, type OutboxNews } from "./outbox";
import { createOutboxStore, type OutboxStore } from "./outbox-store";
import { settle, until } from "./testing/until";

/** IndexedDB opens nothing before this. */
const disk = vi.hoisted(() => ({ opens: Promise.resolve() }));
vi.mock("idb", async (original) => {
  const idb = await original<typeof import("idb")>();
  const openDB = (async (...request: Parameters<typeof idb.openDB>) => {
    await disk.opens;
    return idb.openDB(...request);
  }) as typeof idb.openDB;
  return { ...idb, openDB };
});

const ADA = "1";
const NO_DISK: OutboxStore = {
  opened: async () => false,
  all: async () => null,
  put: async () => false,
  remove: async () => {},
};
const NO_LOCKS: Exclusive = (_name, run) => run();

beforeEach(() =>
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 1_800_000_000_000 }),
);
afterEach(() => vi.useRealTimers());

/** Stores once per nonce, in the order of arrival, as the server does. */
class FakeServer {
  stored: Message[] = [];
  /** All attempts. */
  sends: MessageCreate[] = [];
  /** Answers these first, one each. */
  failures: (ApiFailure | "ackLost" | "never")[] = [];
  inFlight = 0;
  inFlightMax = 0;

  async send(message: MessageCreate): Promise<Message> {
    this.sends.push(message);
    this.inFlightMax = Math.max(this.inFlightMax, ++this.inFlight);
    await new Promise<void>((done) => setImmediate(done));
    this.inFlight--;
    const failure = this.failures.shift();
    if (failure === "never") return new Promise(() => {});
    if (failure instanceof ApiFailure) throw failure;
    const stored = this.store(message);
    if (failure === "ackLost") throw offline();
    return stored;
  }

  store({ channelId, content, nonce }: MessageCreate): Message {
    const known = this.stored.find((message) => message.nonce === nonce);
    if (known) return known;
    const message = { id: String(this.stored.length), channelId, content, nonce, author: { id: ADA } };
    this.stored.push(message as Message);
    return message as Message;
  }

  contents = () => this.stored.map((message) => message.content);
}

interface Browser {
  disk: OutboxStore;
  exclusive: Exclusive;
  tabs: Set<OutboxKeeper>;
}

let disks = 0;
const newBrowser = (parts: Partial<Browser> = {}): Browser => ({
  disk: createOutboxStore(`disk-${++disks}`),
  exclusive: createExclusive(""),
  tabs: new Set(),
  ...parts,
});

function openTab(browser: Browser, server: FakeServer, userId = ADA) {
  const tab = {
    online: true,
    closed: false,
    sent: [] as OutboxEntry[],
    found: vi.fn(async (): Promise<Message | null> => null),
    close() {
      tab.online = false;
      tab.closed = true;
      browser.tabs.delete(outbox);
    },
  };
  const outbox: OutboxKeeper = createOutbox({
    store: browser.disk,
    exclusive: browser.exclusive,
    tabs: {
      post(news: OutboxNews) {
        if (tab.closed) return;
        for (const other of browser.tabs) {
          if (other !== outbox) setImmediate(() => other.received(structuredClone(news)));
        }
      },
    },
    userId: () => userId,
    online: () => tab.online,
    send: (message) => server.send(message),
    find: tab.found,
    changed: () => {},
    sent: (entry) => tab.sent.push(entry),
  });
  browser.tabs.add(outbox);
  return Object.assign(tab, { outbox });
}

const add = (outbox: OutboxKeeper, content: string, channelId = "7") => outbox.add({ channelId, content });

test("a channel's messages go out in order and one at a time, channels side by side", async () => {
  const server = new FakeServer();
  const { outbox, sent } = openTab(newBrowser(), server);
  for (const content of ["a", "b", "c"]) add(outbox, content);
  await until(() => outbox.entries().length === 0);
  expect(server.contents()).toEqual(["a", "b", "c"]);
  expect(server.inFlightMax).toBe(1);
  expect(sent.map((entry) => entry.content)).toEqual(["a", "b", "c"]);

  for (const channelId of ["7", "8"]) add(outbox, "d", channelId);
  await until(() => outbox.entries().length === 0);
  expect(server.inFlightMax).toBe(2);
});

test("a rate limit holds its channel up for as long as the server says, and fails nothing", async () => {
  const server = new FakeServer();
  server.failures = [new ApiFailure({ code: "rate_limited", message: "slow mode", retryAfterMs: 4000 })];
  const { outbox } = openTab(newBrowser(), server);
  add(outbox, "a");
  add(outbox, "b");
  await until(() => outbox.entries()[0]?.notBefore === Date.now() + 4000);
  expect(outbox.entries().map((entry) => entry.state)).toEqual(["waiting", "waiting"]);
  await settle();
  vi.advanceTimersByTime(3999);
  await settle();
  expect(server.sends).toHaveLength(1);
  vi.advanceTimersByTime(1);
  await until(() => outbox.entries().length === 0);
  expect(server.contents()).toEqual(["a", "b"]);
});

test.each([timedOut(), new ApiFailure({ code: "unavailable", message: "store is away" })])(
  "$code is tried again by itself, with the same nonce and before what came later",
  async (failure) => {
    const server = new FakeServer();
    server.failures = [failure, failure];
    const { outbox } = openTab(newBrowser(), server);
    const { nonce } = add(outbox, "a");
    add(outbox, "b");
    for (const count of [1, 2]) {
      await until(() => server.sends.length === count && outbox.entries()[0]?.state === "waiting");
      await settle();
      vi.advanceTimersByTime(10_000);
    }
    await until(() => outbox.entries().length === 0);
    expect(server.sends.slice(0, 3).map((message) => message.nonce)).toEqual([nonce, nonce, nonce]);
    expect(server.contents()).toEqual(["a", "b"]);
  },
);

test("another refusal fails its entry only; it can be tried again or discarded", async () => {
  const server = new FakeServer();
  const refusal = new ApiFailure({ code: "forbidden", message: "no" });
  server.failures = [refusal, refusal];
  const { outbox } = openTab(newBrowser(), server);
  const [a, b] = [add(outbox, "a"), add(outbox, "b")];
  add(outbox, "c");
  await until(() => server.contents().length === 1 && outbox.entries().length === 2);
  expect(outbox.entries()).toMatchObject([
    { nonce: a.nonce, state: "failed", failure: { code: "forbidden" } },
    { nonce: b.nonce, state: "failed" },
  ]);
  outbox.retry(a.nonce);
  outbox.discard(b.nonce);
  await until(() => outbox.entries().length === 0);
  expect(server.contents()).toEqual(["c", "a"]);
});

test("what was not acknowledged before the connection broke is sent again with its nonce, and stored once", async () => {
  const server = new FakeServer();
  server.failures = ["ackLost"];
  const tab = openTab(newBrowser(), server);
  const send = server.send.bind(server);
  server.send = (message) => send(message).finally(() => (tab.online = server.sends.length > 1));
  add(tab.outbox, "a");
  await until(() => !tab.online && tab.outbox.entries()[0]?.state === "waiting");
  add(tab.outbox, "b");
  await settle();
  expect(server.sends).toHaveLength(1);

  tab.online = true;
  tab.outbox.resume();
  await until(() => tab.outbox.entries().length === 0);
  expect(server.sends).toHaveLength(3);
  expect(server.contents()).toEqual(["a", "b"]);
});

test("a push or a sync acknowledges as well, once", async () => {
  const server = new FakeServer();
  server.failures = ["never"];
  const tab = openTab(newBrowser(), server);
  const { nonce } = add(tab.outbox, "a");
  await until(() => server.sends.length === 1);
  const message = server.store({ channelId: "7", content: "a", nonce });
  tab.outbox.arrived({ ...message, author: { ...message.author, id: "2" } });
  expect(tab.sent).toHaveLength(0);
  tab.outbox.arrived(message);
  tab.outbox.arrived(message);
  expect(tab.sent).toHaveLength(1);
  expect(tab.outbox.entries()).toEqual([]);
});

test("the outbox survives a reload", async () => {
  const server = new FakeServer();
  const browser = newBrowser();
  const before = openTab(browser, server);
  before.online = false;
  const { nonce } = add(before.outbox, "a");
  add(before.outbox, "b");
  await settle();
  before.close();

  const after = openTab(browser, server);
  await after.outbox.load();
  await until(() => after.outbox.entries().length === 0);
  expect(server.contents()).toEqual(["a", "b"]);
  expect(server.sends[0]?.nonce).toBe(nonce);
  await settle();
  expect(await browser.disk.all()).toEqual([]);
});

test("nobody sends what another person has left, and it is erased", async () => {
  const server = new FakeServer();
  const browser = newBrowser();
  const ada = openTab(browser, server);
  ada.online = false;
  add(ada.outbox, "a");
  await settle();
  ada.outbox.leave(false);
  ada.close();

  const bob = openTab(browser, server, "2");
  await bob.outbox.load();
  await settle();
  expect(bob.outbox.entries()).toEqual([]);
  expect(server.sends).toEqual([]);
  expect(await browser.disk.all()).toEqual([]);
});

test("signing out erases the outbox, and an answer that comes later changes nothing", async () => {
  const server = new FakeServer();
  const browser = newBrowser();
  const tab = openTab(browser, server);
  add(tab.outbox, "a");
  add(tab.outbox, "b");
  await until(() => server.inFlight === 1);
  tab.outbox.leave(true);
  tab.online = false;
  await settle();
  expect(tab.sent).toEqual([]);
  expect(tab.outbox.entries()).toEqual([]);
  expect(await browser.disk.all()).toEqual([]);
  expect(server.sends).toHaveLength(1);
});

test("two tabs send each entry once, in order, and both see what waits", async () => {
  const server = new FakeServer();
  const browser = newBrowser();
  const tabs = [openTab(browser, server), openTab(browser, server)];
  for (const tab of tabs) tab.online = false;
  for (let i = 0; i < 10; i++) {
    add(tabs[i % 2]!.outbox, String(i));
    vi.advanceTimersByTime(2);
    await settle();
  }
  for (const tab of tabs)
    expect(tab.outbox.entries().map((entry) => entry.content)).toEqual([..."0123456789"]);
  for (const tab of tabs) {
    tab.online = true;
    tab.outbox.resume();
  }
  await until(() => tabs.every((tab) => tab.outbox.entries().length === 0));
  expect(server.contents()).toEqual([..."0123456789"]);
  expect(server.sends).toHaveLength(10);
});

test("two tabs keep the order without locks too", async () => {
  const server = new FakeServer();
  const browser = newBrowser({ exclusive: NO_LOCKS });
  const tabs = [openTab(browser, server), openTab(browser, server)];
  for (const tab of tabs) tab.online = false;
  for (const content of "0123456789") add(tabs[0]!.outbox, content);
  await settle();
  for (const tab of tabs) {
    tab.online = true;
    tab.outbox.resume();
  }
  await until(() => tabs.every((tab) => tab.outbox.entries().length === 0));
  expect(server.contents()).toEqual([..."0123456789"]);
});

test("a tab takes over what a closed one has left", async () => {
  const server = new FakeServer();
  const browser = newBrowser();
  const [first, second] = [openTab(browser, server), openTab(browser, server)];
  first.online = false;
  add(first.outbox, "a");
  await until(() => second.outbox.entries().length === 1);
  first.close();
  await settle();
  expect(server.sends).toEqual([]);
  vi.advanceTimersByTime(15_000);
  await until(() => second.outbox.entries().length === 0);
  expect(server.contents()).toEqual(["a"]);
});

test("works in memory where there is no disk", async () => {
  const server = new FakeServer();
  const tab = openTab(newBrowser({ disk: NO_DISK }), server);
  tab.online = false;
  add(tab.outbox, "a");
  add(tab.outbox, "b");
  await tab.outbox.load();
  expect(tab.outbox.entries()).toHaveLength(2);
  tab.online = true;
  tab.outbox.resume();
  await until(() => tab.outbox.entries().length === 0);
  expect(server.contents()).toEqual(["a", "b"]);
});

test("what is on a disk that opens late is sent then, and what was written before is kept", async () => {
  const server = new FakeServer();
  const name = `disk-${++disks}`;
  const before = openTab(newBrowser({ disk: createOutboxStore(name) }), server);
  before.online = false;
  add(before.outbox, "a");
  await settle();
  before.close();

  let goes = () => {};
  disk.opens = new Promise((resolve) => (goes = resolve));
  const tab = openTab(newBrowser({ disk: createOutboxStore(name) }), server);
  const loading = tab.outbox.load();
  tab.online = false;
  vi.advanceTimersByTime(1);
  add(tab.outbox, "b");
  await settle();
  await vi.advanceTimersByTimeAsync(3000);
  expect(tab.outbox.entries().map(({ content }) => content)).toEqual(["b"]);
  goes();
  await loading;
  await settle();
  const kept = await createOutboxStore(name).all();
  expect(kept?.map(({ content }) => content).toSorted()).toEqual(["a", "b"]);
  tab.online = true;
  tab.outbox.resume();
  await until(() => tab.outbox.entries().length === 0);
  expect(server.contents()).toEqual(["a", "b"]);
});

test("after the server has forgotten the nonce, its history is asked before sending again", async () => {
  const server = new FakeServer();
  server.failures = ["ackLost"];
  const tab = openTab(newBrowser(), server);
  const send = server.send.bind(server);
  server.send = (message) => send(message).finally(() => (tab.online = false));
  const startedAt = Date.now();
  const { nonce } = add(tab.outbox, "a");
  await until(() => !tab.online && tab.outbox.entries()[0]?.state === "waiting");
  tab.found.mockResolvedValue(server.stored[0]!);
  vi.advanceTimersByTime(20 * 60_000);
  tab.online = true;
  tab.outbox.resume();
  await until(() => tab.outbox.entries().length === 0);
  expect(tab.found).toHaveBeenCalledWith("7", nonce, startedAt);
  expect(server.sends).toHaveLength(1);
  expect(tab.sent).toHaveLength(1);
});
