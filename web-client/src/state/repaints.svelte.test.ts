import { flushSync } from "svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { AppState } from "./app.svelte";
import { FakeClient } from "./testing/fake-client";
import { BOB, direct, joined, ME, message, ready, user } from "./testing/make";

const DIRECT = [direct("30", BOB), direct("31", user("4"))];

let client: FakeClient;
let app: AppState;

beforeEach(async () => {
  vi.useFakeTimers();
  localStorage.clear();
  client = new FakeClient(ME);
  app = new AppState(client);
  await app.start();
  client.online(ready({ groups: [joined("1", ["10", "11"])], directChannels: DIRECT }));
  await vi.advanceTimersByTimeAsync(1000);
});

afterEach(() => vi.useRealTimers());

/** How often something that a component shows is computed anew while `change` happens. */
async function repaints(read: () => unknown, change: () => void | Promise<void>): Promise<number> {
  let count = 0;
  const end = $effect.root(() => {
    $effect(() => {
      read();
      count++;
    });
  });
  flushSync();
  const before = count;
  await change();
  await vi.advanceTimersByTimeAsync(1000);
  flushSync();
  end();
  return count - before;
}

function burst(channelId: string): void {
  for (let i = 0; i < 100; i++) {
    client.push("message:created", message(`${1000 + i}`, channelId));
    flushSync();
  }
}

it("a burst of messages repaints the dot of its channel once, and nothing else", async () => {
  expect(
    await repaints(
      () => app.unread.has("10"),
      () => burst("10"),
    ),
  ).toBe(1);
  expect(
    await repaints(
      () => app.unread.has("11"),
      () => burst("10"),
    ),
  ).toBe(0);
  expect(
    await repaints(
      () => app.directory.channel("10"),
      () => burst("10"),
    ),
  ).toBe(0);
  expect(
    await repaints(
      () => app.people.user(BOB.id),
      () => burst("10"),
    ),
  ).toBe(0);
  expect(
    await repaints(
      () => app.directory.groups,
      () => burst("10"),
    ),
  ).toBe(0);
});

it("a burst in a direct channel sorts those once", async () => {
  expect(
    await repaints(
      () => app.directory.directChannels,
      () => burst("30"),
    ),
  ).toBe(1);
});

it("`ready` after a reconnect repaints nothing that stayed the same", async () => {
  const again = () => client.online(ready({ groups: [joined("1", ["10", "11"])], directChannels: DIRECT }));
  const read = () => [app.directory.groups, app.directory.channelsOf("1"), app.directory.directChannels];
  expect(await repaints(read, again)).toBe(0);
});

it("a storm of presence repaints a person at most once in 250 ms", async () => {
  client.answers["presence:watch"] = () => ({ presences: [] });
  app.people.watch([BOB.id]);
  client.push("presence:changed", [{ userId: BOB.id, status: "online", text: "" }]);
  await vi.advanceTimersByTimeAsync(1000);
  const storm = () => {
    for (let i = 0; i < 50; i++) {
      const status = i % 2 === 0 ? "idle" : "dnd";
      client.push("presence:changed", [{ userId: BOB.id, status, text: "" }]);
      flushSync();
    }
  };
  expect(await repaints(() => app.people.presence(BOB.id), storm)).toBe(1);
});

it("somebody new repaints no name that is known", async () => {
  const arrive = () => client.push("message:created", message("5000", "10", user("4711")));
  expect(await repaints(() => app.people.displayName(BOB.id), arrive)).toBe(0);
});
