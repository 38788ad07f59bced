// @vitest-environment node
import { expect, test, vi } from "vitest";
import { offline } from "./failure";
import type { Http } from "./http";
import { createSocketPath } from "./socketPath";

/** `failures`: so many times there is no answer. */
function setup(kept: string | null, failures = 0) {
  const ask = vi.fn(async () => {
    if (failures-- > 0) throw offline("no network");
    return { data: { socketPath: "/live/chat" }, serverTime: null };
  });
  let value = kept;
  const path = createSocketPath({
    http: ask as unknown as Http,
    storage: { get: () => value, set: (_key, next) => void (value = next) },
  });
  return { ask, path, kept: () => value };
}

test("what is known is given without asking", async () => {
  const { ask, path } = setup("/socket.io");
  expect(await path.get()).toBe("/socket.io");
  expect(ask).not.toHaveBeenCalled();
});

test("what is not known is asked for once, and kept", async () => {
  const { ask, path, kept } = setup(null);
  expect(await Promise.all([path.get(), path.get()])).toEqual(["/live/chat", "/live/chat"]);
  expect(await path.get()).toBe("/live/chat");
  expect(ask).toHaveBeenCalledTimes(1);
  expect(kept()).toBe("/live/chat");
});

test("what is doubted is asked for before it is given again", async () => {
  const { ask, path } = setup("/socket.io");
  path.doubt();
  expect(await path.get()).toBe("/live/chat");
  expect(ask).toHaveBeenCalledTimes(1);
});

test("without an answer it is the last known, or the default, and the next time it is asked again", async () => {
  for (const known of ["/kept", null]) {
    const { path } = setup(known, 1);
    path.doubt();
    expect(await path.get()).toBe(known ?? "/socket.io");
    path.doubt();
    expect(await path.get()).toBe("/live/chat");
  }
});
