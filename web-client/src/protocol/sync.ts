/**
 * `session:sync`: what was missed, after each reconnect and when the server says that something may be missing.
 * Ends in a result or in `complete: false` ("reload this channel"), never in silence: what cannot be asked now is
 * asked again, after the next `ready` at the latest.
 */
import { backoffMs } from "./backoff";
import type { Id, Ready, SyncResult, Time } from "./contract";
import { isFailure } from "./failure";
import type { Requests } from "./requests";

interface Needs {
  request: Requests["request"];
  cursors(): Record<Id, Id>;
  synced(result: SyncResult): void;
}

export interface Sync {
  ready(ready: Ready): void;
  /** Without channels: all. */
  required(channelIds?: readonly Id[]): void;
  /** What was before has been pushed. */
  mark(serverTime: Time): void;
  lost(): void;
  /** Another session: nothing was missed that it knew. */
  reset(): void;
}

const CHANNELS_MAX = 1000;

type Scope = "all" | ReadonlySet<Id>;

export function createSync({ request, cursors, synced }: Needs): Sync {
  /** Everything up to here is known. A `ready` moves it only when nothing came before it, a mark when nothing is missing. */
  let since: Time | null = null;
  let channelsMax = CHANNELS_MAX;
  let pending: Scope | null = null;
  let running = false;
  /** Of the connection; what an earlier one still awaits is void. */
  let generation = 0;
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function run(): Promise<void> {
    clearTimeout(timer);
    if (running || !pending || !since) return;
    running = true;
    const mine = generation;
    const scope = pending;
    pending = null;
    try {
      const result = await fetchAll(inScope(cursors(), scope), since);
      if (mine === generation) done(scope, result);
    } catch (error) {
      if (mine === generation) again(scope, error);
    }
    if (mine !== generation) return;
    running = false;
    if (pending && tries === 0) void run();
  }

  function done(scope: Scope, result: SyncResult): void {
    tries = 0;
    // After a part only, the rest may have a gap that is older.
    if (scope === "all") since = result.serverTime;
    synced(result);
  }

  function again(scope: Scope, error: unknown): void {
    pending = union(pending, scope);
    const retryAfterMs = isFailure(error) ? error.retryAfterMs : undefined;
    timer = setTimeout(() => void run(), retryAfterMs ?? backoffMs(tries));
    tries++;
  }

  async function fetchAll(known: Record<Id, Id>, from: Time): Promise<SyncResult> {
    const whole: SyncResult = { serverTime: "", channels: {}, changed: [] };
    for (const channels of chunks(known, channelsMax)) {
      const part = await fetchPart(channels, from);
      // The earliest, so that nothing falls between two parts.
      whole.serverTime =
        whole.serverTime && whole.serverTime < part.serverTime ? whole.serverTime : part.serverTime;
      Object.assign(whole.channels, part.channels);
      whole.changed.push(...part.changed);
    }
    return whole;
  }

  async function fetchPart(channels: Record<Id, Id>, from: Time): Promise<SyncResult> {
    try {
      return await request("session:sync", { channels, since: from });
    } catch (error) {
      if (isFailure(error, "offline", "timeout", "unavailable", "rate_limited")) throw error;
      const reload: SyncResult["channels"] = {};
      for (const channelId of Object.keys(channels)) reload[channelId] = { messages: [], complete: false };
      return { serverTime: from, channels: reload, changed: [] };
    }
  }

  return {
    ready(ready) {
      generation++;
      tries = 0;
      running = false;
      channelsMax = ready.limits.syncChannels || CHANNELS_MAX;
      if (since) {
        pending = "all";
        void run();
      } else {
        since = ready.serverTime;
      }
    },
    required(channelIds) {
      pending = union(pending, channelIds ? new Set(channelIds) : "all");
      if (tries === 0) void run();
    },
    mark(serverTime) {
      if (since && since < serverTime && !pending && !running) since = serverTime;
    },
    lost() {
      generation++;
      running = false;
      pending = null; // The next `ready` asks for everything.
      clearTimeout(timer);
    },
    reset() {
      this.lost();
      since = null;
    },
  };
}

function union(a: Scope | null, b: Scope): Scope {
  if (a === null) return b;
  return a === "all" || b === "all" ? "all" : new Set([...a, ...b]);
}

function inScope(cursors: Record<Id, Id>, scope: Scope): Record<Id, Id> {
  if (scope === "all") return cursors;
  return Object.fromEntries(Object.entries(cursors).filter(([channelId]) => scope.has(channelId)));
}

/** At least one, which may be empty: its answer tells the server's time. */
export function chunks(cursors: Record<Id, Id>, size: number): Record<Id, Id>[] {
  const known = Object.entries(cursors);
  const parts: Record<Id, Id>[] = [];
  do parts.push(Object.fromEntries(known.splice(0, size)));
  while (known.length > 0);
  return parts;
}
