/**
 * Runs one thing at a time over all tabs of this browser.
 *
 * `navigator.locks` exists only in secure contexts, so plain `http://` in a local network goes without: there a
 * lease in `localStorage` has to do where two at once would do harm, and a lock within the tab where not.
 */
import type { TabStorage } from "./storage";

export type Exclusive = <T>(name: string, run: () => Promise<T>) => Promise<T>;

/**
 * Everything that runs under a lock ends sooner. A holder that keeps it longer is a tab that the system has put
 * to sleep, perhaps for good: then it runs without.
 */
export const LOCK_WAIT_MS = 20_000;
const LEASE_POLL_MS = 50;

export function createExclusive(prefix: string, lease?: TabStorage): Exclusive {
  const locks = globalThis.navigator?.locks;
  if (locks) return withLocks(locks, prefix);
  const inTab = createInTab();
  return lease ? (name, run) => inTab(name, () => withLease(lease, name, run)) : inTab;
}

function withLocks(locks: LockManager, prefix: string): Exclusive {
  return async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const signal = AbortSignal.timeout(LOCK_WAIT_MS);
    let started = false;
    const start = () => {
      started = true;
      return run();
    };
    try {
      return (await locks.request(`${prefix}:${name}`, { signal }, start)) as T;
    } catch (error) {
      if (started || !signal.aborted) throw error;
      return run();
    }
  };
}

function createInTab(): Exclusive {
  const tails = new Map<string, Promise<unknown>>();
  return (name, run) => {
    const turn = (tails.get(name) ?? Promise.resolve()).then(run);
    const tail = turn.catch(() => {
      // Its caller hears of it; the next one starts in any case.
    });
    tails.set(name, tail);
    return turn;
  };
}

/** Writes its name, and looks after a moment whether another tab has written over it. */
async function withLease<T>(storage: TabStorage, name: string, run: () => Promise<T>): Promise<T> {
  const key = `lock:${name}`;
  const me = Math.random().toString(36).slice(2);
  const startedAt = Date.now();
  while (Date.now() - startedAt < LOCK_WAIT_MS) {
    const [, until] = (storage.get(key) ?? "").split(" ");
    if (Number(until ?? 0) < Date.now()) {
      storage.set(key, `${me} ${Date.now() + LOCK_WAIT_MS}`);
      await new Promise((done) => setTimeout(done, LEASE_POLL_MS * (1 + Math.random())));
      if (storage.get(key)?.startsWith(`${me} `)) break;
    } else {
      await new Promise((done) => setTimeout(done, LEASE_POLL_MS));
    }
  }
  try {
    return await run();
  } finally {
    if (storage.get(key)?.startsWith(`${me} `)) storage.remove(key);
  }
}
