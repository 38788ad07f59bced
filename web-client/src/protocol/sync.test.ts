// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Id, Ready, SessionSync, SyncResult } from "./contract";
import { ApiFailure, offline, timedOut } from "./failure";
import { chunks, createSync } from "./sync";
import { settle } from "./testing/until";

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => vi.useRealTimers());

function setup(known: Record<Id, Id> = { a: "1", b: "2", c: "3" }, syncChannels = 2) {
  const asked: SessionSync[] = [];
  const results: SyncResult[] = [];
  const failures: ApiFailure[] = [];
  const sync = createSync({
    request: (async (_event: string, payload: SessionSync) => {
      asked.push(payload);
      const failure = failures.shift();
      if (failure) throw failure;
      const channels = Object.keys(payload.channels).map((id) => [id, { messages: [], complete: true }]);
      return { serverTime: `t${10 + asked.length}`, channels: Object.fromEntries(channels), changed: [] };
    }) as never,
    cursors: () => known,
    synced: (result) => results.push(result),
  });
  const ready = (serverTime: string) =>
    sync.ready({ serverTime, limits: { syncChannels } } as unknown as Ready);
  return { sync, ready, asked, results, failures };
}

test("cursors are cut into parts of the server's size", () => {
  expect(chunks({ a: "1", b: "2", c: "3" }, 2)).toEqual([{ a: "1", b: "2" }, { c: "3" }]);
  expect(chunks({}, 2)).toEqual([{}]);
});

test("the first ready asks nothing; a reconnect asks in parts, since the last ready, and tells once", async () => {
  const { ready, asked, results } = setup();
  ready("t0");
  await settle();
  expect(asked).toEqual([]);
  ready("t1");
  await settle();
  expect(asked).toEqual([
    { channels: { a: "1", b: "2" }, since: "t0" },
    { channels: { c: "3" }, since: "t0" },
  ]);
  expect(results).toHaveLength(1);
  expect(Object.keys(results[0]!.channels)).toEqual(["a", "b", "c"]);
  // The earlier of both answers, so that nothing falls between them.
  ready("t2");
  await settle();
  expect(asked[2]?.since).toBe("t11");
});

test("what failed on the way is asked again with the same `since`", async () => {
  const { sync, ready, asked, results, failures } = setup();
  ready("t0");
  failures.push(offline());
  ready("t1");
  sync.lost();
  await settle();
  expect(results).toEqual([]);
  ready("t2");
  await settle();
  expect(asked.map(({ since }) => since)).toEqual(["t0", "t0", "t0"]);
  expect(results).toHaveLength(1);
});

test("no answer is asked again after a pause", async () => {
  const { ready, asked, results, failures } = setup({ a: "1" });
  ready("t0");
  failures.push(timedOut(), new ApiFailure({ code: "rate_limited", message: "", retryAfterMs: 500 }));
  ready("t1");
  await settle();
  expect(asked).toHaveLength(1);
  vi.advanceTimersByTime(1000);
  await settle();
  expect(asked).toHaveLength(2);
  vi.advanceTimersByTime(500);
  await settle();
  expect(asked).toHaveLength(3);
  expect(results).toHaveLength(1);
});

test("a refusal means: reload these channels", async () => {
  const { ready, results, failures } = setup({ a: "1" });
  ready("t0");
  failures.push(new ApiFailure({ code: "too_large", message: "" }));
  ready("t1");
  await settle();
  expect(results).toMatchObject([{ channels: { a: { messages: [], complete: false } } }]);
});

test("the server can ask for some channels, which leaves the time of the others", async () => {
  const { sync, ready, asked, results } = setup();
  ready("t0");
  sync.required(["b", "x"]);
  await settle();
  expect(asked).toEqual([{ channels: { b: "2" }, since: "t0" }]);
  sync.required();
  await settle();
  expect(asked[1]?.since).toBe("t0");
  expect(results).toHaveLength(2);
});

test("what is required while a sync runs is asked after it, together", async () => {
  const { sync, ready, asked } = setup(undefined, 10);
  ready("t0");
  sync.required(["a"]);
  sync.required(["b"]);
  sync.required(["c"]);
  await settle();
  expect(asked.map(({ channels }) => Object.keys(channels))).toEqual([["a"], ["b", "c"]]);
});

test("another session has missed nothing", async () => {
  const { sync, ready, asked } = setup();
  ready("t0");
  sync.reset();
  ready("t1");
  await settle();
  expect(asked).toEqual([]);
});

test("a mark moves the time when nothing is missing, and never back", async () => {
  const { sync, ready, asked } = setup(undefined, 10);
  sync.mark("t1"); // Of a connection that is not ready.
  ready("t2");
  sync.mark("t5");
  sync.mark("t4");
  ready("t6");
  sync.mark("t7"); // What it asks for came before.
  await settle();
  ready("t8");
  await settle();
  expect(asked.map(({ since }) => since)).toEqual(["t5", "t11"]);
});
