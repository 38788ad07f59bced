/**
 * What the protocol layer offers, to `state/` and to any other app: a typed VibeTalk client without a UI.
 * Made by `createClient` (client.ts).
 */
import type {
  Ack,
  ApiError,
  ClientToServerEvents,
  Id,
  Message,
  Ready,
  ServerToClientEvents,
  SessionInfo,
  SyncResult,
  User,
} from "./contract";

export type RequestName = keyof ClientToServerEvents;
export type RequestPayload<E extends RequestName> = Parameters<ClientToServerEvents[E]>[0];
export type RequestData<E extends RequestName> =
  Parameters<Parameters<ClientToServerEvents[E]>[1]>[0] extends Ack<infer Data> ? Data : never;

/** A refusal of the server, or `timeout`/`offline` of this side. `code` decides; `message` is for developers. */
export interface Failure extends Error {
  code: ApiError["code"] | "offline";
  retryAfterMs?: number;
  fields?: Record<string, string>;
}

/**
 * - `signedOut`: no account; `connecting`: for the first time; `online`: `ready` has arrived.
 * - `reconnecting`: the connection was lost, attempts go on by themselves; `offline`: the browser has no network.
 * - `draining`: still connected, but this server will close the connection soon and another takes over.
 */
export type ConnectionState = "signedOut" | "connecting" | "online" | "reconnecting" | "offline" | "draining";

export interface ConnectionInfo {
  state: ConnectionState;
  transport: "websocket" | "polling" | null;
  /** Round trip of the last request, in milliseconds. */
  latencyMs: number | null;
  /** When the present state began; `performance.now()`. */
  since: number;
}

/** A message that was not acknowledged yet. Lives in IndexedDB until it is, so a reload keeps it. */
export interface OutboxEntry {
  nonce: string;
  channelId: Id;
  content: string;
  replyToId: Id | null;
  /** Unix milliseconds. Entries of a channel go out in this order, one at a time. */
  createdAt: number;
  state: "waiting" | "sending" | "failed";
  /** Of the last refusal; `rate_limited` is retried by itself and never makes `failed`. */
  failure: { code: Failure["code"]; message: string } | null;
  /** Not before this Unix time, in milliseconds (slow mode, rate limit). */
  notBefore: number | null;
}

export interface Outbox {
  entries(): readonly OutboxEntry[];
  add(message: { channelId: Id; content: string; replyToId?: Id | null }): OutboxEntry;
  retry(nonce: string): void;
  discard(nonce: string): void;
}

/** What the client itself reports, besides the pushes of the contract. */
export interface ClientEvents {
  connection: (info: ConnectionInfo) => void;
  /** After every reconnect, or `sync:required`: what was missed. `ready` came just before on a reconnect. */
  synced: (result: SyncResult) => void;
  /** The session has ended (elsewhere, expired, or by `signOut`). */
  signedOut: (reason: "byUser" | "ended") => void;
  /** The outbox has changed: added, sent, failed, discarded. */
  outbox: (entries: readonly OutboxEntry[]) => void;
  /** A group that came without its channels has been asked for. `group:created` came just before. */
  groupCompleted: (group: Pick<RequestData<"group:get">, "id" | "channels" | "readStates">) => void;
  /** All such groups of the last `ready` have been asked for. */
  completed: () => void;
  /** An outbox entry was acknowledged with this message. Its push may come before or after. */
  sent: (entry: OutboxEntry, message: Message) => void;
}

export type AllEvents = ServerToClientEvents & ClientEvents;

export interface Account {
  /** Who is signed in, from storage until the server says otherwise. */
  readonly user: User | null;
  register(input: { username: string; password: string; displayName?: string }): Promise<User>;
  signIn(input: { username: string; password: string }): Promise<User>;
  /** Ends the session at the server if it can be reached, and forgets it here in any case. */
  signOut(): Promise<void>;
  changePassword(input: { currentPassword: string; newPassword: string }): Promise<void>;
  sessions(): Promise<SessionInfo[]>;
  endSession(id: string): Promise<void>;
  /** A fresh access token; refreshed once for all tabs when it is about to expire. */
  accessToken(): Promise<string>;
}

export interface Client {
  readonly account: Account;
  readonly outbox: Outbox;
  readonly connection: ConnectionInfo;
  /** The last `ready`. */
  readonly ready: Ready | null;
  /** Connects, and stays connected until `disconnect` or the session ends. */
  connect(): void;
  disconnect(): void;
  /** Tries again at once instead of after the backoff. */
  reconnectNow(): void;
  /** Rejects with a `Failure`; after 10 s without an answer with `timeout`; when not connected with `offline`. */
  request<E extends RequestName>(event: E, payload: RequestPayload<E>): Promise<RequestData<E>>;
  /** Sends only if that can be done now, and waits for no answer (typing, presence). */
  volatile<E extends RequestName>(event: E, payload: RequestPayload<E>): void;
  /** Returns the way to stop listening. Pushes arrive in the order of the server. */
  on<E extends keyof AllEvents>(event: E, listener: AllEvents[E]): () => void;
  /**
   * From now on events wait for `release`, so that one can connect before the code that listens has come. The page with
   * which this channel opens is asked for meanwhile.
   */
  hold(channelId?: Id): void;
  release(): void;
  /**
   * Tells what was seen last, per channel, for `session:sync` after a reconnect. `state/` provides it, because
   * it knows which channels it holds messages of.
   */
  setCursors(cursors: () => Record<Id, Id>): void;
}

export interface ClientOptions {
  /** Origin of the server; default: that of the page. */
  url?: string;
  /** Default: WebSocket first, then polling. */
  transports?: ("websocket" | "polling")[];
  /** Prefix of everything that is stored in the browser. */
  storagePrefix?: string;
}

export type CreateClient = (options?: ClientOptions) => Client;
