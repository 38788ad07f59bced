/** What `socket.ts` makes of the WebSocket that the page's first script has opened, with the real socket.io-client. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openAhead } from "./ahead";
import type { Wire } from "./socket";
import { FakeSocket } from "./testing/fake-socket";

// The library takes what is there when it is loaded.
vi.stubGlobal("WebSocket", FakeSocket);
const { openWire } = await import("./socket");

const OPEN = '0{"sid":"e","upgrades":[],"pingInterval":15000,"pingTimeout":20000,"maxPayload":1000000}';
const CONNECTED = '40{"sid":"s"}';
const READY = '42["ready",{"serverTime":"t"}]';
const CONNECT = '40{"token":"token-1"}';

let wire: Wire | undefined;
let told: unknown[][];

beforeEach(() => {
  FakeSocket.made = [];
  told = [];
});
afterEach(() => wire?.close());

/** What the first script does, and what has come until the other scripts are here. */
function ahead(...frames: string[]): FakeSocket {
  const items: Record<string, string> = {
    "vibetalk:socketPath": "/socket.io",
    "vibetalk:transport": "websocket",
    "vibetalk:session": JSON.stringify({
      accessToken: "token-1",
      expiresAt: Date.now() + 600_000,
      refreshToken: "r",
      user: { id: "1" },
    }),
  };
  openAhead({ getItem: (key) => items[key] ?? null });
  const socket = FakeSocket.made[0]!;
  for (const frame of frames) socket.receive(frame);
  return socket;
}

async function take(accessToken = "token-1"): Promise<void> {
  const tell =
    (what: string) =>
    (...values: unknown[]) =>
      void told.push([what, ...values]);
  const events = { opened: tell("opened"), upgraded: tell("upgraded"), greeted: tell("greeted") };
  const ends = { refused: tell("refused"), closed: tell("closed") };
  wire = openWire(
    { origin: location.origin, path: "/socket.io", transports: ["websocket", "polling"], accessToken },
    { ...events, ...ends, packet() {}, push: tell("push") },
  );
  await settle();
}

const settle = () => new Promise((done) => setTimeout(done));

test("it is signed in once, and what has come is told in its order", async () => {
  const socket = ahead(OPEN, CONNECTED, READY, '42["message:created",{"id":"1"}]');
  await take();
  expect(told).toEqual([
    ["greeted", 15000],
    ["opened", "websocket"],
    ["push", "ready", { serverTime: "t" }],
    ["push", "message:created", { id: "1" }],
  ]);
  expect(FakeSocket.made).toHaveLength(1);
  expect(socket.sent).toEqual([CONNECT]);

  const ack = vi.fn();
  expect(wire!.send("message:list", { channelId: "7" }, ack)).toBe(true);
  socket.receive('430[{"ok":true}]');
  await settle();
  expect(socket.sent.slice(1)).toEqual(['420["message:list",{"channelId":"7"}]']);
  expect(ack).toHaveBeenCalledWith({ ok: true });
});

test("what comes after it was taken is told, too", async () => {
  const socket = ahead(OPEN);
  await take();
  for (const frame of [CONNECTED, READY]) socket.receive(frame);
  await settle();
  expect(told.at(-1)).toEqual(["push", "ready", { serverTime: "t" }]);
  expect(socket.sent).toEqual([CONNECT]);
});

test("one that is still opening is signed in by the library", async () => {
  const socket = ahead();
  await take();
  for (const frame of [OPEN, CONNECTED, READY]) socket.receive(frame);
  await settle();
  expect(told.at(-1)).toEqual(["push", "ready", { serverTime: "t" }]);
  expect(socket.sent).toEqual([CONNECT]);
});

test("a ping that waited is answered", async () => {
  const socket = ahead(OPEN, CONNECTED, "2");
  await take();
  expect(socket.sent).toEqual([CONNECT, "3"]);
});

test.each(["unauthorized", "token_expired"])("a refusal that waited is one: %s", async (message) => {
  ahead(OPEN, `44{"message":"${message}","data":{"code":"${message}"}}`);
  await take();
  expect(told.at(-1)).toEqual(["refused", { message, retryAfterMs: null }]);
});

test("an end that waited is one", async () => {
  ahead(OPEN, CONNECTED, READY, "41");
  await take();
  expect(told.at(-1)).toEqual(["closed", true]);
});

test.each(["lost meanwhile", "signed in with another token"])("one %s is replaced", async (how) => {
  const socket = ahead(OPEN, CONNECTED, READY);
  if (how === "lost meanwhile") socket.lose();
  await take(how === "lost meanwhile" ? "token-1" : "token-2");
  expect(socket.readyState).toBeGreaterThan(1);
  expect(told).toEqual([]);

  const [, other] = FakeSocket.made;
  for (const frame of [OPEN, CONNECTED, READY]) other!.receive(frame);
  await settle();
  expect(told.at(-1)).toEqual(["push", "ready", { serverTime: "t" }]);
  expect(other!.sent).toHaveLength(1);
});
