/**
 * `createClient`: puts the parts of this folder together. A typed VibeTalk client for any JavaScript app, without
 * a framework and without a UI:
 *
 *     const client = createClient({ url: "https://chat.example.org" });
 *     client.on("ready", ({ groups }) => console.log(groups));
 *     client.on("message:created", (message) => console.log(message.content));
 *     if (!client.account.user) await client.account.signIn({ username, password });
 *     client.connect();
 *     client.outbox.add({ channelId, content: "Hello" });
 */
import { createAccount } from "./account";
import type { AllEvents, Client, ClientOptions } from "./api";
import { createCompletion } from "./completion";
import { createConnection } from "./connection";
import type { Id, Message, Ready, ServerToClientEvents, Time, User } from "./contract";
import { createEmitter } from "./emitter";
import { findByNonce } from "./history";
import { createHttp } from "./http";
import { createExclusive } from "./locks";
import { createOutbox, type OutboxNews } from "./outbox";
import { createOutboxStore } from "./outbox-store";
import { createRequests } from "./requests";
import { createOpening } from "./opening";
import type { EndReason } from "./session";
import type { Transport } from "./socket";
import { createStorage } from "./storage";
import { createSocketPath } from "./socketPath";
import { createSync } from "./sync";
import { createTabs } from "./tabs";
import { createTokens } from "./tokens";

const KEEP_MS = 24 * 3600_000;

export function createClient(options: ClientOptions = {}): Client {
  const origin = options.url?.replace(/\/+$/, "") ?? location.origin;
  const prefix = options.storagePrefix ?? "vibetalk";
  // Nobody listens, so nothing has to come; whoever listens at last connects anew.
  const emitter = createEmitter<AllEvents>(() => connection.stop("offline"));
  const storage = createStorage(prefix);
  const http = createHttp(origin);
  let ready: Ready | null = null;
  /** Milliseconds that the server's clock is ahead. */
  let clockAhead = 0;
  let keeping: ReturnType<typeof setTimeout> | undefined;
  let cursors: () => Record<Id, Id> = () => ({});

  const tokens = createTokens({ storage, http, exclusive: createExclusive(prefix, storage), ended });
  const requests = createRequests(
    (event, payload, ack) => connection.wire?.send(event, payload, ack) ?? false,
    (latencyMs) => connection.measured(latencyMs),
  );
  const opening = createOpening(requests);
  const outbox = createOutbox({
    store: createOutboxStore(`${prefix}-outbox`),
    exclusive: createExclusive(prefix),
    tabs: createTabs<OutboxNews>(`${prefix}:outbox`, storage.shared, (news) => outbox.received(news)),
    userId: () => tokens.session()?.user.id ?? null,
    online: () => connection.info.state === "online" || connection.info.state === "draining",
    send: (message) => requests.request("message:create", message),
    async find(channelId, nonce, since) {
      const authorId = tokens.session()?.user.id ?? "";
      return findByNonce(requests, { channelId, nonce, authorId, since: since + clockAhead });
    },
    changed: (entries) => emitter.emit("outbox", entries),
    sent: (entry, message) => emitter.emit("sent", entry, message),
  });
  const sync = createSync({
    request: requests.request,
    cursors: () => cursors(),
    synced(result) {
      emitter.emit("synced", result);
      Object.values(result.channels).forEach(({ messages }) => messages.forEach(outbox.arrived));
    },
  });
  const completion = createCompletion({
    request: requests.request,
    group(answer) {
      const { readStates: _, ...group } = answer;
      push("group:created", group);
      emitter.emit("groupCompleted", answer);
    },
    done: () => emitter.emit("completed"),
  });
  const connection = createConnection({
    origin,
    transports: options.transports ?? transportsHere(),
    signedIn: tokens.session() !== null,
    tokens,
    path: createSocketPath({ http, storage }),
    changed: (info) => emitter.emit("connection", info),
    ready(next) {
      ready = next;
      clockAhead = Date.parse(next.serverTime) - Date.now();
      tokens.setUser(next.user);
      opening.ready(next);
      emitter.emit("ready", next);
      completion.ready(next);
      sync.ready(next);
      outbox.resume();
      keepSession();
    },
    push,
    proven(transport) {
      if (!options.transports) storage.set("transport", transport);
    },
    lost() {
      completion.lost();
      opening.lost();
      requests.connectionLost();
      sync.lost();
    },
  });
  const account = createAccount({
    http,
    tokens,
    entered: () => void outbox.load(),
    leaving: () => connection.stop("signedOut"),
  });
  if (tokens.session()) void outbox.load();

  function push(event: string, payload: unknown): void {
    opening.pushed(event, payload);
    // What this version does not know has no listeners.
    const known = event as keyof ServerToClientEvents;
    emitter.emit(known, ...([payload] as Parameters<ServerToClientEvents[typeof known]>));
    if (event === "message:created") outbox.arrived(payload as Message);
    if (event === "user:updated") tokens.setUser(payload as User); // Only if it is the person here.
    if (event === "sync:mark") sync.mark((payload as { serverTime: Time }).serverTime);
    if (event === "sync:required") sync.required((payload as { channelIds?: Id[] }).channelIds);
  }

  /** Where a WebSocket does not get through, each page would wait for it in vain. An upgrade is tried all the same. */
  function transportsHere(): Transport[] {
    return storage.get("transport") === "polling" ? ["polling", "websocket"] : ["websocket", "polling"];
  }

  /** A session that is not refreshed runs out (after weeks), also under an open connection. */
  function keepSession(): void {
    clearTimeout(keeping);
    if (!tokens.session()) return;
    keeping = setTimeout(() => {
      // What fails now is tried again a day later, or when the token is needed.
      void tokens
        .accessToken()
        .catch(() => {})
        .then(keepSession);
    }, KEEP_MS);
  }

  function ended(reason: EndReason): void {
    connection.stop("signedOut");
    clearTimeout(keeping);
    ready = null;
    sync.reset();
    outbox.leave(reason === "byUser");
    emitter.emit("signedOut", reason);
  }

  return {
    account,
    outbox,
    get connection() {
      return connection.info;
    },
    get ready() {
      return ready;
    },
    connect() {
      if (tokens.session()) connection.start();
    },
    disconnect() {
      clearTimeout(keeping);
      connection.stop(tokens.session() ? "offline" : "signedOut");
    },
    reconnectNow: () => connection.reconnectNow(),
    request: opening.request,
    volatile: (event, payload) => connection.wire?.volatile(event, payload),
    on: emitter.on,
    hold(channelId) {
      emitter.hold();
      if (channelId) opening.begin(channelId);
    },
    release() {
      emitter.release();
      // Who has heard of `ready` asks at once, or the page is an old one.
      setTimeout(opening.end);
    },
    setCursors(provide) {
      cursors = provide;
    },
  };
}
