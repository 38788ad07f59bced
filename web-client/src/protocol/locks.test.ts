// @vitest-environment node
import { expect, test, vi } from "vitest";
import { createExclusive } from "./locks";
import type { TabStorage } from "./storage";

async function overlap(...runs: ((run: () => Promise<void>) => Promise<void>)[]): Promise<number> {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise<void>((done) => setImmediate(done));
    inside--;
  };
  await Promise.all(runs.map((run) => run(work)));
  return most;
}

test("one at a time per name within a tab, also after a failure", async () => {
  const exclusive = createExclusive("p");
  await expect(exclusive("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await overlap(...Array(3).fill((run: () => Promise<void>) => exclusive("a", run)))).toBe(1);
  expect(
    await overlap(
      (run) => exclusive("a", run),
      (run) => exclusive("b", run),
    ),
  ).toBe(2);
});

test("one at a time over tabs without `navigator.locks`, by a lease", async () => {
  const values = new Map<string, string>();
  const tab = () =>
    createExclusive("p", {
      shared: true,
      get: (key) => values.get(key) ?? null,
      set: (key, value) => void values.set(key, value),
      remove: (key) => void values.delete(key),
      watch: () => {},
    } satisfies TabStorage);
  const tabs = [tab(), tab(), tab()];
  expect(await overlap(...tabs.map((exclusive) => (run: () => Promise<void>) => exclusive("a", run)))).toBe(
    1,
  );
  expect(values.size).toBe(0);
});

test("runs without the lock when a sleeping tab keeps it", async () => {
  const never = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort(new Error("late")));
  vi.stubGlobal("navigator", {
    locks: { request: async (_name: string, { signal }: LockOptions) => signal?.throwIfAborted() },
  });
  try {
    expect(await createExclusive("p")("a", async () => "done")).toBe("done");
  } finally {
    vi.unstubAllGlobals();
    never.mockRestore();
  }
});
