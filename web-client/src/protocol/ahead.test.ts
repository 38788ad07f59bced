import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isAhead, openAhead, takeAhead } from "./ahead";

class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }
  close() {
    this.readyState = 2;
  }
}

const known: Record<string, string> = {
  "vibetalk:socketPath": "/socket.io",
  "vibetalk:transport": "websocket",
};
const storage = (items = known) => ({ getItem: (key: string) => items[key] ?? null });
const URL = `${location.origin.replace(/^http/, "ws")}/socket.io/?EIO=4&transport=websocket`;

beforeEach(() => {
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  takeAhead("");
  vi.unstubAllGlobals();
});

test("it is opened where the last one was, and taken once, with what has come", () => {
  openAhead(storage());
  expect(FakeSocket.made.map(({ url }) => url)).toEqual([URL]);
  FakeSocket.made[0]!.onmessage?.({ data: "0{}" });
  expect(isAhead()).toBe(true);
  expect(takeAhead(URL)).toMatchObject({ socket: FakeSocket.made[0], frames: ["0{}"] });
  expect(takeAhead(URL)).toBeNull();
});

test("nothing is opened where nothing is known, or WebSocket does not get through", () => {
  openAhead(storage({}));
  openAhead(storage({ ...known, "vibetalk:transport": "polling" }));
  expect(isAhead()).toBe(false);
});

test("one that is closed, or at another address, is not taken, and does not stay open", () => {
  openAhead(storage());
  expect(takeAhead("ws://elsewhere/")).toBeNull();
  expect(FakeSocket.made[0]!.readyState).toBe(2);
  openAhead(storage());
  FakeSocket.made[1]!.readyState = 3;
  expect(takeAhead(URL)).toBeNull();
});

test("where it is forbidden, it is done without", () => {
  vi.stubGlobal("WebSocket", function () {
    throw new Error("forbidden");
  });
  openAhead(storage());
  expect(isAhead()).toBe(false);
});
