import "fake-indexeddb/auto";
import { afterEach, expect, test, vi } from "vitest";
import { Cache } from "./cache";
import { message, messages } from "./testing/history";

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

let number = 0;
const name = () => `cache-${(number += 1)}`;

async function opened(cacheName = name(), userId = "1"): Promise<Cache> {
  const cache = new Cache(cacheName, () => 1);
  await cache.open(userId);
  return cache;
}

afterEach(() => vi.unstubAllGlobals());

test("keeps the last 50 messages of a channel", async () => {
  const cache = await opened();
  await cache.saveMessages("10", messages(1, 80));
  const kept = await cache.messages("10");
  expect([kept.length, kept[0]?.content, kept.at(-1)?.content]).toEqual([50, "m31", "m80"]);
});

test("keeps the 50 channels that were used last", async () => {
  const cache = await opened();
  for (let channel = 1; channel <= 51; channel += 1) await cache.saveMessages(`${channel}`, [message(1)]);
  expect(await cache.messages("1")).toEqual([]);
  expect(await cache.messages("2")).toHaveLength(1);
});

test("keeps drafts", async () => {
  const cache = await opened();
  await cache.saveDraft("10", { text: "hello", replyTo: message(1) });
  await cache.saveDraft("11", { text: "x", replyTo: null });
  await cache.saveDraft("11", null);
  expect([...(await cache.drafts())]).toEqual([["10", { text: "hello", replyTo: message(1) }]]);
});

test("survives a reload, for the same person only", async () => {
  const cacheName = name();
  await (await opened(cacheName)).saveMessages("10", [message(1)]);
  expect(await (await opened(cacheName)).messages("10")).toHaveLength(1);
  expect(await (await opened(cacheName, "2")).messages("10")).toEqual([]);
  expect(await (await opened(cacheName)).messages("10")).toEqual([]);
});

test("is empty after a sign-out, and keeps nothing until the next sign-in", async () => {
  const cacheName = name();
  const cache = await opened(cacheName);
  await cache.saveMessages("10", [message(1)]);
  await cache.wipe();
  await cache.saveMessages("11", [message(1)]);
  const next = await opened(cacheName);
  expect([await next.messages("10"), await next.messages("11")]).toEqual([[], []]);
});

test("without IndexedDB it keeps nothing and fails at nothing", async () => {
  vi.stubGlobal("indexedDB", {
    open() {
      throw new DOMException("denied", "SecurityError");
    },
  });
  const cache = await opened();
  await cache.saveMessages("10", [message(1)]);
  await cache.saveDraft("10", { text: "x", replyTo: null });
  expect(await cache.messages("10")).toEqual([]);
  expect((await cache.drafts()).size).toBe(0);
  expect(await cache.ready()).toBeNull();
  await cache.wipe();
});

test("a disk that is slow at the start is read and written all the same", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const cacheName = name();
    await (await opened(cacheName)).saveMessages("10", [message(1)]);
    let goes = () => {};
    disk.opens = new Promise((resolve) => (goes = resolve));
    const cache = new Cache(cacheName, () => 1);
    const opening = cache.open("1");
    const early = cache.messages("10");
    const saved = cache.saveMessages("11", [message(2)]);
    vi.advanceTimersByTime(2_000);
    expect(await early).toEqual([]);
    goes();
    await opening;
    expect(await cache.messages("10")).toHaveLength(1);
    await saved;
    expect(await cache.messages("11")).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
});

test("what was written for one person before the disk opened is not kept for the next", async () => {
  let goes = () => {};
  disk.opens = new Promise((resolve) => (goes = resolve));
  const cache = new Cache(name(), () => 1);
  const first = cache.open("1");
  const saved = cache.saveMessages("10", [message(1)]);
  const wiped = cache.wipe();
  const second = cache.open("2");
  goes();
  await Promise.all([first, saved, wiped, second]);
  expect(await cache.messages("10")).toEqual([]);
  await cache.saveMessages("10", [message(2)]);
  expect(await cache.messages("10")).toHaveLength(1);
});
