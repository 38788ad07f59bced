// @vitest-environment node
/** The client in Node.js against the real server: `VIBETALK_BIN` names the binary, `make test` sets it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Client, ClientOptions, ConnectionInfo } from "./api";
import { createClient } from "./client";
import type { Id, Message, Ready, SyncResult } from "./contract";
import { BINARY, startProxyWithoutWebSocket, startServer, type TestServer } from "./testing/server";

if (!BINARY) console.warn("VIBETALK_BIN is not set: the client is not tested against the server");

const WAIT_MS = 30_000;
const PASSWORD = "correct horse battery";
const clients: Client[] = [];
let names = 0;

function newClient(url: string, options: ClientOptions = {}): Client {
  const client = createClient({ url, ...options });
  clients.push(client);
  return client;
}

async function register(url: string, options: ClientOptions = {}) {
  const client = newClient(url, options);
  const username = `person-${++names}`;
  await client.account.register({ username, password: PASSWORD });
  return { client, username };
}

async function online(client: Client): Promise<Ready> {
  const ready = new Promise<Ready>((resolve) => client.on("ready", resolve));
  client.connect();
  return ready;
}

const generalOf = (ready: Ready): Id => ready.groups[0]!.channels![0]!.id;

function until<T>(client: Client, test: () => T | null | undefined | false): Promise<T> {
  return new Promise((resolve) => {
    const look = () => {
      const value = test();
      if (value) resolve(value);
    };
    for (const event of ["connection", "outbox", "message:created", "synced"] as const)
      client.on(event, look);
    look();
  });
}

const state = (client: Client, wanted: ConnectionInfo["state"]) =>
  until(client, () => client.connection.state === wanted);

describe.skipIf(!BINARY)("against the server", { timeout: WAIT_MS }, () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  }, WAIT_MS);
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect();
  });
  afterAll(() => server.remove());

  test.each<[string, ClientOptions, string]>([
    ["WebSocket first", {}, "websocket"],
    ["polling only", { transports: ["polling"] }, "polling"],
    ["polling, then an upgrade", { transports: ["polling", "websocket"] }, "websocket"],
  ])("two people see each other's messages: %s", async (_, options, transport) => {
    const { client: ada } = await register(server.url, options);
    const { client: bob } = await register(server.url, options);
    const channelId = generalOf(await online(ada));
    await online(bob);
    const seen = new Promise<Message>((resolve) => bob.on("message:created", resolve));
    const sent = new Promise<Message>((resolve) => ada.on("sent", (_entry, message) => resolve(message)));

    const { nonce } = ada.outbox.add({ channelId, content: "hello" });

    expect(await seen).toMatchObject({ content: "hello", nonce });
    expect((await seen).id).toBe((await sent).id);
    await until(ada, () => ada.outbox.entries().length === 0);
    await until(ada, () => ada.connection.transport === transport);
  });

  test("a refusal rejects with its code, and without a connection requests are offline", async () => {
    const { client } = await register(server.url);
    await expect(client.request("message:list", { channelId: "1" })).rejects.toMatchObject({
      code: "offline",
    });
    await online(client);
    await expect(client.request("message:list", { channelId: "1" })).rejects.toMatchObject({
      code: "channel_not_found",
    });
    await expect(client.account.signIn({ username: "nobody", password: PASSWORD })).rejects.toMatchObject({
      code: "unauthorized",
    });
    expect(client.connection.state).toBe("online");
    expect(client.connection.latencyMs).toBeGreaterThanOrEqual(0);
  });

  test("polling takes over where a proxy refuses WebSocket, and comes first the next time", async () => {
    const proxy = await startProxyWithoutWebSocket(server.url);
    try {
      const { client } = await register(proxy.url);
      await online(client);
      expect(client.connection).toMatchObject({ state: "online", transport: "polling" });
      expect(proxy.upgrades).toBe(1);

      proxy.setDown(true);
      await state(client, "reconnecting");
      proxy.setDown(false);
      await state(client, "online");
      expect(client.connection.transport).toBe("polling");
    } finally {
      proxy.close();
    }
  });

  test("what was missed comes with the sync after a reconnect", async () => {
    const proxy = await startProxyWithoutWebSocket(server.url);
    try {
      const { client: ada } = await register(proxy.url);
      const { client: bob } = await register(server.url);
      const channelId = generalOf(await online(ada));
      await online(bob);
      const first = await bob.request("message:create", { channelId, content: "before" });
      await until(ada, () => ada.connection.state === "online");
      ada.setCursors(() => ({ [channelId]: first.id }));

      ada.disconnect();
      const missed = await bob.request("message:create", { channelId, content: "missed" });
      const synced = new Promise<SyncResult>((resolve) => ada.on("synced", resolve));
      await online(ada);

      const found = (await synced).channels[channelId];
      expect(found).toMatchObject({ complete: true });
      expect(found?.messages.map((message) => message.id)).toContain(missed.id);
    } finally {
      proxy.close();
    }
  });

  test("a session that was ended elsewhere signs out, and is not tried again", async () => {
    const { client: ada, username } = await register(server.url);
    await online(ada);
    const elsewhere = newClient(server.url);
    await elsewhere.account.signIn({ username, password: PASSWORD });
    const ended = new Promise((resolve) => ada.on("signedOut", resolve));
    const other = (await elsewhere.account.sessions()).find((session) => !session.current);

    await elsewhere.account.endSession(other!.id);

    expect(await ended).toBe("ended");
    expect(ada.connection.state).toBe("signedOut");
    expect(ada.account.user).toBeNull();
    await expect(ada.account.accessToken()).rejects.toMatchObject({ code: "unauthorized" });
  });

  test("signing out ends the session at the server", async () => {
    const { client: ada, username } = await register(server.url);
    await online(ada);
    const reasons: string[] = [];
    ada.on("signedOut", (reason) => reasons.push(reason));
    await ada.account.signOut();
    const elsewhere = newClient(server.url);
    await elsewhere.account.signIn({ username, password: PASSWORD });
    expect(await elsewhere.account.sessions()).toHaveLength(1);
    expect(reasons).toEqual(["byUser"]);
  });
});

describe.skipIf(!BINARY)("against a server that goes", { timeout: WAIT_MS }, () => {
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect();
  });

  test.each<[string, ClientOptions]>([
    ["WebSocket", {}],
    ["polling", { transports: ["polling"] }],
  ])("messages written while it is gone arrive once and in order: %s", async (_, options) => {
    const server = await startServer();
    try {
      const { client: ada } = await register(server.url, options);
      const { client: bob } = await register(server.url, options);
      const channelId = generalOf(await online(ada));
      await online(bob);
      const contents = Array.from({ length: 12 }, (_, i) => `message ${i}`);

      // Some are on their way when it dies, some are written while it is gone.
      for (const content of contents.slice(0, 6)) ada.outbox.add({ channelId, content });
      await until(ada, () => ada.outbox.entries().length <= 4);
      await server.kill();
      for (const content of contents.slice(6)) ada.outbox.add({ channelId, content });
      await state(ada, "reconnecting");
      await server.start();
      await until(ada, () => ada.connection.state === "online" && ada.outbox.entries().length === 0);

      bob.reconnectNow(); // It was cut off as well.
      await state(bob, "online");
      const { messages } = await bob.request("message:list", { channelId });
      expect(messages.map((message) => message.content).reverse()).toEqual(contents);
    } finally {
      await server.remove();
    }
  });

  test("a server that drains says so, still serves, and is found again afterwards", async () => {
    const server = await startServer({ "drain.seconds": 1 });
    try {
      const { client } = await register(server.url);
      const channelId = generalOf(await online(client));
      const stopped = server.stop();
      await state(client, "draining");
      await client.request("message:create", { channelId, content: "a last word" });
      await state(client, "reconnecting");
      await stopped;
      await server.start();
      await state(client, "online");
    } finally {
      await server.remove();
    }
  });

  test("an expired token is replaced before a reconnect", async () => {
    const server = await startServer({ "auth.access_token_seconds": 1 });
    try {
      const { client } = await register(server.url);
      await online(client);
      const before = await client.account.accessToken();
      client.disconnect();
      await expired(server.url, before);
      await online(client);
      expect(await client.account.accessToken()).not.toBe(before);
      expect(client.connection.state).toBe("online");
    } finally {
      await server.remove();
    }
  });

  test("a full server is tried again until it has room", async () => {
    const server = await startServer({ "edge.sessions_max": 1 });
    const proxy = await startProxyWithoutWebSocket(server.url);
    try {
      const { client: ada } = await register(server.url);
      const { client: bob } = await register(proxy.url);
      await online(ada);
      const refused = proxy.answer(503);
      bob.connect();
      await refused;
      ada.disconnect();
      await state(bob, "online");
    } finally {
      proxy.close();
      await server.remove();
    }
  });
});

/** Until the server refuses the token. */
async function expired(url: string, accessToken: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/api/v1/users/me`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    if (response.status === 401) return;
    await new Promise((done) => setTimeout(done, 100));
  }
}
