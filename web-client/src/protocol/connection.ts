/**
 * Keeps one connection to the server for as long as it is wanted: tries again with backoff, changes the order of
 * transports where WebSocket does not get through, replaces a refused token once, and notices a dead link after
 * sleep. Each attempt is a new `Wire`. What is sent over it, and what pushes mean, is not its business.
 */
import type { ConnectionInfo, ConnectionState } from "./api";
import { backoffMs } from "./backoff";
import type { Ready } from "./contract";
import { isFailure } from "./failure";
import { type OpenWire, type Refusal, type Transport, type Wire, openWire } from "./socket";
import type { SocketPath } from "./socketPath";
import type { TokenKeeper } from "./tokens";

export interface Connection {
  readonly info: ConnectionInfo;
  /** The open wire, if there is one; requests are accepted before `ready`. */
  readonly wire: Wire | null;
  start(): void;
  stop(state: "signedOut" | "offline"): void;
  /** At once instead of after the backoff; a healthy connection is left alone. */
  reconnectNow(): void;
  measured(latencyMs: number): void;
}

interface Needs {
  origin: string;
  transports: Transport[];
  /** Whether there is an account before the first `start`. */
  signedIn: boolean;
  tokens: Pick<TokenKeeper, "accessToken" | "replace">;
  path: SocketPath;
  changed(info: ConnectionInfo): void;
  ready(ready: Ready): void;
  push(event: string, payload: unknown): void;
  lost(): void;
  /** This transport gets through here. */
  proven(transport: Transport): void;
  open?: OpenWire;
  random?: () => number;
}

/** From opening to an open transport: a WebSocket that a proxy swallows says nothing at all. */
const OPEN_TIMEOUT_MS = 8_000;
/** From an open transport to `ready`, which may be long on a slow line. */
const READY_TIMEOUT_MS = 20_000;
/** Of the server, unless it says otherwise. */
const PING_INTERVAL_MS = 20_000;
/** In pings. */
const SILENCE_MAX = 1.5;
/** A connection that lived this long proves that the server is well: the backoff starts anew. */
const STABLE_MS = 10_000;
const RETRY_AFTER_MAX_MS = 30_000;
const LATENCY_REPORT_MS = 1000;

export function createConnection(needs: Needs): Connection {
  const { tokens, open = openWire } = needs;
  let info: ConnectionInfo = {
    state: needs.signedIn ? "connecting" : "signedOut",
    transport: null,
    latencyMs: null,
    since: performance.now(),
  };
  let wanted = false;
  let wire: Wire | null = null;
  /** Counts attempts, so that what an earlier one still awaits is recognised as stale. */
  let generation = 0;
  let failures = 0;
  /** One attempt without backoff is free after each healthy connection, for causes that a new attempt cures. */
  let freeAttempt = true;
  let refusedToken: string | null = null;
  let order = needs.transports;
  let everReady = false;
  let readyAt = 0;
  let lastPacketAt = 0;
  let pingIntervalMs = PING_INTERVAL_MS;
  let latencyReportedAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function report(change: Partial<ConnectionInfo>): void {
    const next = { ...info, ...change };
    if (next.state === info.state && next.transport === info.transport) return;
    if (next.state !== info.state) next.since = performance.now();
    info = next;
    needs.changed(info);
  }

  const disconnected = (): ConnectionState =>
    globalThis.navigator?.onLine === false ? "offline" : everReady ? "reconnecting" : "connecting";

  function after(delayMs: number, run: () => void): void {
    clearTimeout(timer);
    timer = setTimeout(run, delayMs);
  }

  async function attempt(): Promise<void> {
    clearTimeout(timer);
    const mine = ++generation;
    let accessToken: string, path: string;
    try {
      const token = refusedToken ? tokens.replace(refusedToken) : tokens.accessToken();
      [accessToken, path] = await Promise.all([token, needs.path.get()]);
    } catch (error) {
      // After `unauthorized` the keeper of tokens has said that the session is over.
      if (mine === generation && wanted) retry(isFailure(error) ? error.retryAfterMs : undefined);
      return;
    }
    if (mine !== generation || !wanted) return;
    refusedToken = null;
    connect(accessToken, path);
  }

  function connect(accessToken: string, path: string): void {
    const first = order[0] as Transport;
    let opened = false;
    lastPacketAt = Date.now();
    wire = open(
      { origin: needs.origin, path, transports: [...order], accessToken },
      {
        opened(transport) {
          opened = true;
          // Where only polling got through, it comes first the next time, and the upgrade is tried from there.
          if (transport !== first) prefer(transport);
          needs.proven(transport);
          after(READY_TIMEOUT_MS, giveUp);
          info = { ...info, transport };
        },
        upgraded(transport) {
          prefer(transport);
          needs.proven(transport);
          report({ transport });
        },
        greeted: (intervalMs) => (pingIntervalMs = intervalMs),
        packet: () => (lastPacketAt = Date.now()),
        push: receive,
        refused(refusal) {
          if (!opened) needs.path.doubt();
          refused(refusal, accessToken);
        },
        closed(byServer) {
          if (byServer) refusedToken = accessToken;
          const draining = info.state === "draining";
          down();
          // A draining server spreads its clients over time, and another server waits; a new token is tried at once.
          if (draining || byServer) retrySoon();
          else retry();
        },
      },
    );
    after(OPEN_TIMEOUT_MS, giveUp);

    function giveUp(): void {
      if (!opened) {
        needs.path.doubt();
        prefer(order[1] ?? first);
      }
      wire?.close();
      down();
      retry();
    }
  }

  function prefer(transport: Transport): void {
    order = [transport, ...order.filter((other) => other !== transport)];
  }

  function receive(event: string, payload: unknown): void {
    if (event === "ready") {
      clearTimeout(timer);
      everReady = true;
      readyAt = Date.now();
      info = { ...info, state: "online", since: performance.now() };
      needs.ready(payload as Ready);
      needs.changed(info);
      return;
    }
    if (event === "server:draining") report({ state: "draining" });
    needs.push(event, payload);
  }

  function refused({ message, retryAfterMs }: Refusal, accessToken: string): void {
    down();
    if (message === "unauthorized" || message === "token_expired") {
      refusedToken = accessToken;
      retrySoon();
    } else {
      retry(retryAfterMs ?? undefined);
    }
  }

  /** The wire is gone. */
  function down(): void {
    wire = null;
    if (readyAt && Date.now() - readyAt > STABLE_MS) forgetFailures();
    readyAt = 0;
    needs.lost();
  }

  function forgetFailures(): void {
    failures = 0;
    freeAttempt = true;
  }

  function retrySoon(): void {
    if (!freeAttempt) return retry();
    freeAttempt = false;
    retryAtOnce();
  }

  function retryAtOnce(): void {
    report({ state: disconnected(), transport: null });
    void attempt();
  }

  function retry(retryAfterMs = 0): void {
    report({ state: disconnected(), transport: null });
    const delay = Math.max(backoffMs(failures++, needs.random), Math.min(retryAfterMs, RETRY_AFTER_MAX_MS));
    after(delay, () => void attempt());
  }

  /** The page is shown again, or the network is back: timers may have slept, so the clock decides. */
  function woken(): void {
    if (!wanted) return;
    if (wire && Date.now() - lastPacketAt > SILENCE_MAX * pingIntervalMs) {
      wire.close();
      down();
    }
    if (!wire) retryAtOnce();
  }

  globalThis.addEventListener?.("online", woken);
  globalThis.addEventListener?.("offline", () => {
    if (wanted && !wire) report({ state: disconnected() });
  });
  globalThis.document?.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") woken();
  });

  return {
    get info() {
      return info;
    },
    get wire() {
      return wire;
    },
    start() {
      if (wanted) return;
      wanted = true;
      everReady = false;
      forgetFailures();
      refusedToken = null;
      report({ state: disconnected() });
      void attempt();
    },
    stop(state) {
      wanted = false;
      generation++;
      clearTimeout(timer);
      const had = wire;
      wire?.close();
      if (had) down();
      report({ state, transport: null });
    },
    reconnectNow() {
      if (!wanted || info.state === "online" || info.state === "draining") return;
      if (wire) {
        wire.close();
        down();
      }
      retryAtOnce();
    },
    measured(latencyMs) {
      info = { ...info, latencyMs: Math.round(latencyMs) };
      if (Date.now() - latencyReportedAt < LATENCY_REPORT_MS) return;
      latencyReportedAt = Date.now();
      needs.changed(info);
    },
  };
}
