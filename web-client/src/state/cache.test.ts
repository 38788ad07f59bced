import "fake-indexeddb/auto";
import { afterEach, expect, test, vi } from "vitest";
import { Cache } from "./cache";
import { message, messages } from "./testing/history";

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
