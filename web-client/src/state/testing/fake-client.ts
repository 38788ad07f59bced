/**
 * A `Client` without a server, for tests of state and components: requests are recorded and answered by `answers`,
 * pushes are made with `push`.
 */
import type {
  Client,
  ClientEvents,
  ConnectionInfo,
  OutboxEntry,
  RequestData,
  RequestName,
  RequestPayload,
} from "../../protocol/api";
import type { Id, Ready, ServerToClientEvents, User } from "../../protocol/contract";

type Events = ServerToClientEvents & ClientEvents;
type Answers = { [E in RequestName]?: (payload: RequestPayload<E>) => unknown };
type Listener = (...args: unknown[]) => void;

export class FakeClient implements Client {
  answers: Answers = {};
  /** Requests and volatile events, in order. */
  readonly requests: { event: RequestName; payload: unknown }[] = [];
  connected = false;
  /** How often it was told to try at once. */
  reconnects = 0;
  ready: Ready | null = null;
  connection: ConnectionInfo = { state: "signedOut", transport: null, latencyMs: null, since: 0 };
  cursors: () => Record<Id, Id> = () => ({});
  user: User | null = null;
  #entries: OutboxEntry[] = [];
  #listeners = new Map<string, Set<Listener>>();

  readonly account: Client["account"];
  readonly outbox: Client["outbox"];

  constructor(user: User | null = null) {
    this.user = user;
    const current = () => this.user;
    const signIn = async () => {
      if (!this.user) throw Object.assign(new Error("no user"), { code: "unauthorized" });
      return this.user;
    };
    this.account = {
      get user() {
        return current();
      },
      register: signIn,
      signIn,
      signOut: async () => {
        this.user = null;
        this.connected = false;
        this.push("signedOut", "byUser");
      },
      changePassword: async () => {},
      sessions: async () => [],
      endSession: async () => {},
      accessToken: async () => "token",
    };
    this.outbox = {
      entries: () => this.#entries,
      add: ({ channelId, content, replyToId = null }) => {
        const entry: OutboxEntry = {
          nonce: `n${this.#entries.length + 1}`,
          channelId,
          content,
          replyToId,
          createdAt: Date.now(),
          state: "waiting",
          failure: null,
          notBefore: null,
        };
        this.setEntries([...this.#entries, entry]);
        return entry;
      },
      retry: () => {},
      discard: (nonce) => this.setEntries(this.#entries.filter((entry) => entry.nonce !== nonce)),
    };
  }

  setEntries(entries: OutboxEntry[]): void {
    this.#entries = entries;
    this.push("outbox", entries);
  }

  connect(): void {
    this.connected = true;
  }

  disconnect(): void {
    this.connected = false;
  }

  reconnectNow(): void {
    this.reconnects += 1;
  }

  async request<E extends RequestName>(event: E, payload: RequestPayload<E>): Promise<RequestData<E>> {
    this.requests.push({ event, payload });
    const answer = this.answers[event] as ((payload: RequestPayload<E>) => unknown) | undefined;
    return (answer ? await answer(payload) : {}) as RequestData<E>;
  }

  volatile<E extends RequestName>(event: E, payload: RequestPayload<E>): void {
    this.requests.push({ event, payload });
  }

  on(event: string, listener: unknown): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener as Listener);
    return () => void listeners.delete(listener as Listener);
  }

  hold(): void {}

  release(): void {}

  setCursors(cursors: () => Record<Id, Id>): void {
    this.cursors = cursors;
  }

  /** As if the server had sent it, or the client reported it. */
  push<E extends keyof Events>(event: E, ...args: Parameters<Events[E]>): void {
    if (event === "ready") this.ready = args[0] as unknown as Ready;
    if (event === "connection") this.connection = args[0] as unknown as ConnectionInfo;
    for (const listener of this.#listeners.get(event) ?? []) listener(...args);
  }

  online(ready: Ready): void {
    this.user = ready.user;
    this.push("connection", { state: "online", transport: "websocket", latencyMs: 5, since: 0 });
    this.push("ready", ready);
  }
}

/** Answers like a server that keeps settings; the answer holds what it keeps. */
export function keepsSettings(client: FakeClient, kept: Record<string, unknown> = {}) {
  client.answers["settings:get"] = () => ({ settings: { ...kept } });
  client.answers["settings:update"] = ({ settings }) => {
    for (const [key, value] of Object.entries(settings)) {
      if (value === null) delete kept[key];
      else kept[key] = value;
    }
    return { settings: { ...kept } };
  };
  return kept;
}
