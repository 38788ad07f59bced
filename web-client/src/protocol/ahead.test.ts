import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isAhead, openAhead, takeAhead } from "./ahead";
import { FakeSocket } from "./testing/fake-socket";

const session = (expiresAt: number) =>
  JSON.stringify({ accessToken: "token-1", expiresAt, refreshToken: "r", user: { id: "1" } });
const known: Record<string, string> = {
  "vibetalk:socketPath": "/socket.io",
  "vibetalk:transport": "websocket",
};
const signedIn = { ...known, "vibetalk:session": session(Date.now() + 10 * 60_000) };
const storage = (items = known) => ({ getItem: (key: string) => items[key] ?? null });
const URL = `${location.origin.replace(/^http/, "ws")}/socket.io/?EIO=4&transport=websocket`;
const CONNECT = '40{"token":"token-1"}';

beforeEach(() => {
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  takeAhead("", "");
  vi.unstubAllGlobals();
});

const opened = () => FakeSocket.made.at(-1)!;

test("it is opened where the last one was, and taken once, with what has come", () => {
  openAhead(storage());
  expect(FakeSocket.made.map(({ url }) => url)).toEqual([URL]);
  opened().receive("0{}");
  expect(isAhead()).toBe(true);
  expect(takeAhead(URL, "token-1")).toMatchObject({ socket: opened(), frames: ["0{}"], sent: null });
  expect(takeAhead(URL, "token-1")).toBeNull();
});

test("nothing is opened where nothing is known, or WebSocket does not get through", () => {
  openAhead(storage({}));
  openAhead(storage({ ...known, "vibetalk:transport": "polling" }));
  expect(isAhead()).toBe(false);
});

test("it signs in once, when the server has said that it reads", () => {
  openAhead(storage(signedIn));
  expect(opened().sent).toEqual([]);
  for (const frame of ["0{}", "40{}", '42["ready",{}]']) opened().receive(frame);
  expect(opened().sent).toEqual([CONNECT]);
  expect(takeAhead(URL, "token-1")).toMatchObject({
    frames: ["0{}", "40{}", '42["ready",{}]'],
    sent: CONNECT,
  });
});

test.each([
  ["a token in its last minute", session(Date.now() + 59_000)],
  ["a session that has ended", JSON.stringify({ endedBy: "ended" })],
  ["what cannot be read", "{"],
  ["nothing", "null"],
])("it does not sign in with %s", (_, stored) => {
  openAhead(storage({ ...known, "vibetalk:session": stored }));
  opened().receive("0{}");
  expect(opened().sent).toEqual([]);
  expect(takeAhead(URL, "token-2")).toMatchObject({ sent: null });
});

test("one that was signed in with another token is not taken, and does not stay open", () => {
  openAhead(storage(signedIn));
  opened().receive("0{}");
  expect(takeAhead(URL, "token-2")).toBeNull();
  expect(opened().readyState).toBe(2);
});

test("one that is closed, or at another address, is not taken, and does not stay open", () => {
  openAhead(storage());
  expect(takeAhead("ws://elsewhere/", "token-1")).toBeNull();
  expect(FakeSocket.made[0]!.readyState).toBe(2);
  openAhead(storage());
  FakeSocket.made[1]!.readyState = 3;
  expect(takeAhead(URL, "token-1")).toBeNull();
});

test("where it is forbidden, it is done without", () => {
  vi.stubGlobal("WebSocket", function () {
    throw new Error("forbidden");
  });
  openAhead(storage());
  expect(isAhead()).toBe(false);
});
