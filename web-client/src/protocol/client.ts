/**
 * `createClient`: puts the parts of this folder together. A typed VibeTalk client for any JavaScript app, without
 * a framework and without a UI.
 */
import type { AllEvents, Client, ClientOptions } from "./api";
import { createAccount } from "./account";
import { createConnection } from "./connection";
import type { Id, Ready } from "./contract";
import { createEmitter } from "./emitter";
import { createHttp } from "./http";
import { createExclusive } from "./locks";
import { createOutbox } from "./outbox";
import { createRequests } from "./requests";
import { createStorage } from "./storage";
import { createTokens } from "./tokens";

export function createClient(options: ClientOptions = {}): Client {
  const origin = options.url?.replace(/\/+$/, "") ?? location.origin;
  const prefix = options.storagePrefix ?? "vibetalk";
  const emitter = createEmitter<AllEvents>();
  let ready: Ready | null = null;
  let cursors: () => Record<Id, Id> = () => ({});

  const http = createHttp(origin);
  const tokens = createTokens({
    storage: createStorage(prefix),
    http,
    exclusive: createExclusive(prefix),
    ended(reason) {
      connection.stop("signedOut");
      ready = null;
      emitter.emit("signedOut", reason);
      outbox.clear();
    },
  });
  const requests = createRequests(
    (event, payload, ack) => connection.wire?.send(event, payload, ack) ?? false,
    (latencyMs) => connection.measured(latencyMs),
  );
  const outbox = createOutbox({
    send: (payload) => requests.request("message:create", payload),
    changed: (entries) => emitter.emit("outbox", entries),
    sent: (entry, message) => emitter.emit("sent", entry, message),
  });
  const connection = createConnection({
    origin,
    transports: options.transports ?? ["websocket", "polling"],
    tokens,
    changed: (info) => emitter.emit("connection", info),
    ready(next) {
      ready = next;
      tokens.setUser(next.user);
      emitter.emit("ready", next);
      outbox.resume();
    },
    push: (event, payload) => emitter.emit(event as "user:updated", payload as never),
    lost: () => requests.connectionLost(),
  });
  const account = createAccount({ http, tokens, disconnect: () => connection.stop("signedOut") });
  void cursors; // Until `session:sync` is there.

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
    disconnect: () => connection.stop(tokens.session() ? "offline" : "signedOut"),
    reconnectNow: () => connection.reconnectNow(),
    request: requests.request,
    volatile: (event, payload) => connection.wire?.volatile(event, payload),
    on: emitter.on,
    setCursors(provide) {
      cursors = provide;
    },
  };
}
