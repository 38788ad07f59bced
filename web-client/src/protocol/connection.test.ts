// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ConnectionInfo } from "./api";
import { createConnection } from "./connection";
import type { Ready } from "./contract";
import { ApiFailure, offline } from "./failure";
import type { Refusal, Transport, WireEvents, WireOptions } from "./socket";
import { settle } from "./testing/until";

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const READY = { serverTime: "t0" } as Ready;

/** Wires that do what the test says; the newest is the one that counts. */
async function setup() {
  const opened: (WireOptions & WireEvents & { closed_: boolean })[] = [];
  const states: ConnectionInfo["state"][] = [];
  const pageEvents = new Map<string, () => void>();
  vi.stubGlobal("addEventListener", (event: string, run: () => void) => pageEvents.set(event, run));
  const tokens = {
    accessToken: vi.fn(async () => "token-0"),
    replace: vi.fn(async (stale: string) => `token-${Number(stale.slice(6)) + 1}`),
  };
  const lost = vi.fn();
  const proven = vi.fn();
  const path = { get: vi.fn(async () => "/socket.io"), doubt: vi.fn() };
  const connection = createConnection({
    origin: "http://server",
    path,
    transports: ["websocket", "polling"],
    signedIn: true,
    tokens,
    changed: ({ state }) => states.at(-1) !== state && states.push(state),
    ready: () => {},
    push: () => {},
    lost,
    proven,
    random: () => 1, // The longest backoff: 1 s, 2 s, 4 s …
    open(options, events) {
      const wire = { ...options, ...events, closed_: false };
      opened.push(wire);
      return { send: () => true, volatile: () => {}, close: () => void (wire.closed_ = true) };
    },
  });
  connection.start();
  await settle();
  const last = () => opened.at(-1)!;
  const get = {
    online(transport: Transport = "websocket") {
      last().opened(transport);
      last().push("ready", READY);
    },
    async refused(refusal: Partial<Refusal>) {
      last().refused({ message: "websocket error", retryAfterMs: null, ...refusal });
      await settle();
    },
    async closed(byServer = false) {
      last().closed(byServer);
      await settle();
    },
    async pass(ms: number) {
      vi.advanceTimersByTime(ms);
      await settle();
    },
  };
  return { connection, path, tokens, states, opened, last, lost, proven, pageEvents, ...get };
}

test("connects with a token, and is online with `ready`", async () => {
  const { connection, states, last, online } = await setup();
  expect(last()).toMatchObject({ accessToken: "token-0", transports: ["websocket", "polling"] });
  online();
  expect(connection.info).toMatchObject({ state: "online", transport: "websocket" });
  expect(states).toEqual(["connecting", "online"].slice(-states.length));
});

test("the path is doubted when no connection opens there, and only then", async () => {
  const { path, last, online, closed, refused, pass } = await setup();
  expect(last()).toMatchObject({ path: "/socket.io" });
  await refused({});
  expect(path.doubt).toHaveBeenCalledTimes(1);
  path.get.mockResolvedValue("/live/chat");
  await pass(1000);
  expect(last()).toMatchObject({ path: "/live/chat" });
  await pass(8000); // Nothing is said at all.
  expect(path.doubt).toHaveBeenCalledTimes(2);
  await pass(2000);
  online();
  await closed();
  await pass(10_000);
  last().opened("websocket");
  await refused({ message: "unauthorized" });
  expect(path.doubt).toHaveBeenCalledTimes(2);
});

test("silence is measured in the pings of the server", async () => {
  const { opened, online, last, pass, pageEvents } = await setup();
  last().greeted(60_000);
  online();
  await pass(80_000);
  pageEvents.get("online")!();
  expect(opened[0]!.closed_).toBe(false);
  await pass(11_000);
  pageEvents.get("online")!();
  expect(opened[0]!.closed_).toBe(true);
});

test("a lost connection comes back, with backoff up to ten seconds and no more attempts than that", async () => {
  const { states, opened, online, closed, refused, pass, lost } = await setup();
  online();
  await closed();
  expect(lost).toHaveBeenCalledTimes(1);
  for (const seconds of [1, 2, 4, 8, 10, 10]) {
    const before = opened.length;
    await pass(seconds * 1000 - 1);
    expect(opened).toHaveLength(before);
    await pass(1);
    expect(opened).toHaveLength(before + 1);
    await refused({});
  }
  await pass(10_000);
  online();
  expect(states.slice(-3)).toEqual(["online", "reconnecting", "online"]);
});

test.each(["token_expired", "unauthorized"])(
  "%s: a new token at once, but not again and again",
  async (message) => {
    const { tokens, opened, last, refused, pass } = await setup();
    await refused({ message });
    expect(tokens.replace.mock.calls).toEqual([["token-0"]]);
    expect(last().accessToken).toBe("token-1");
    await refused({ message });
    expect(opened).toHaveLength(2);
    await pass(999);
    expect(opened).toHaveLength(2);
    await pass(1);
    expect(opened).toHaveLength(3);
    expect(tokens.replace).toHaveBeenCalledTimes(2);
  },
);

test("no network for a new token is a failure like others; a session that is over ends the attempts", async () => {
  const { connection, tokens, opened, refused, pass } = await setup();
  tokens.replace.mockRejectedValueOnce(offline());
  await refused({ message: "token_expired" });
  expect(opened).toHaveLength(1);
  await pass(2000);
  expect(opened).toHaveLength(2);

  tokens.replace.mockImplementationOnce(async () => {
    connection.stop("signedOut");
    throw new ApiFailure({ code: "unauthorized", message: "" });
  });
  await refused({ message: "token_expired" });
  await pass(600_000);
  expect(opened).toHaveLength(2);
  expect(connection.info.state).toBe("signedOut");
});

test("a Socket.IO disconnect by the server asks for the account before it comes back", async () => {
  const { tokens, last, online, closed } = await setup();
  online();
  await closed(true);
  expect(tokens.replace).toHaveBeenCalledWith("token-0");
  expect(last().accessToken).toBe("token-1");
});

test("a full server is left alone for as long as it says", async () => {
  const { opened, refused, pass } = await setup();
  await refused({ retryAfterMs: 5000 });
  await pass(4999);
  expect(opened).toHaveLength(1);
  await pass(1);
  expect(opened).toHaveLength(2);
});

test("a WebSocket that is swallowed on its way makes polling come first", async () => {
  const { opened, last, pass, online, proven } = await setup();
  await pass(8000);
  expect(opened[0]?.closed_).toBe(true);
  await pass(1000);
  expect(last().transports).toEqual(["polling", "websocket"]);
  online("polling");
  last().upgraded("websocket");
  expect(proven.mock.calls).toEqual([["polling"], ["websocket"]]);
  await pass(20_000);
  expect(opened).toHaveLength(2);
  last().closed(false);
  await pass(1000);
  expect(last().transports).toEqual(["websocket", "polling"]);
});

test("an open transport without `ready` is given up", async () => {
  const { opened, last, pass } = await setup();
  last().opened("websocket");
  await pass(19_999);
  expect(opened[0]?.closed_).toBe(false);
  await pass(1);
  expect(opened[0]?.closed_).toBe(true);
});

test("a draining server is left at once when it closes", async () => {
  const { connection, opened, last, online, closed } = await setup();
  online();
  last().push("server:draining", { reconnectInMs: 1000 });
  expect(connection.info.state).toBe("draining");
  await closed();
  expect(opened).toHaveLength(2);
});

test("after sleep a silent connection is replaced, and one that is alive stays", async () => {
  const { opened, last, lost, online, pageEvents } = await setup();
  online();
  vi.setSystemTime(Date.now() + 30_000);
  pageEvents.get("online")?.();
  await settle();
  expect(opened).toHaveLength(1);
  last().packet();
  vi.setSystemTime(Date.now() + 30_001);
  pageEvents.get("online")?.();
  await settle();
  expect(opened[0]?.closed_).toBe(true);
  expect(lost).toHaveBeenCalledTimes(1);
  expect(opened).toHaveLength(2);
});

test("reconnecting now skips the backoff, also while an attempt hangs, and leaves a healthy connection alone", async () => {
  const { connection, opened, online, refused } = await setup();
  await refused({});
  connection.reconnectNow();
  await settle();
  expect(opened).toHaveLength(2);
  connection.reconnectNow();
  await settle();
  expect(opened[1]?.closed_).toBe(true);
  online();
  connection.reconnectNow();
  await settle();
  expect(opened).toHaveLength(3);
});

test("without network the state says so", async () => {
  vi.stubGlobal("navigator", { onLine: false });
  const { connection, refused } = await setup();
  await refused({});
  expect(connection.info.state).toBe("offline");
});
