import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ConnectionState } from "../protocol/api";
import { ConnectionStatus } from "./connection.svelte";
import { FakeClient } from "./testing/fake-client";

const ended = vi.fn();
let client: FakeClient;
let connection: ConnectionStatus;

beforeEach(() => {
  vi.useFakeTimers();
  ended.mockClear();
  client = new FakeClient();
  connection = new ConnectionStatus(client, ended);
});
afterEach(() => vi.useRealTimers());

const becomes = (state: ConnectionState) =>
  client.push("connection", { state, transport: null, latencyMs: null, since: 0 });

it("is troubled when a loss has lasted, and what was live has ended by then", () => {
  becomes("online");
  becomes("reconnecting");
  vi.advanceTimersByTime(1999);
  expect(connection).toMatchObject({ state: "reconnecting", troubled: false, live: true });
  vi.advanceTimersByTime(1);
  expect(connection).toMatchObject({ troubled: true, live: false });
  expect(ended).toHaveBeenCalledTimes(1);
});

it("says nothing of a loss that is over soon", () => {
  becomes("online");
  becomes("reconnecting");
  vi.advanceTimersByTime(1999);
  becomes("online");
  vi.advanceTimersByTime(60_000);
  expect(connection).toMatchObject({ troubled: false, live: true });
  expect(ended).not.toHaveBeenCalled();
});

it("trying now is the client's business, and ends the trouble only once there is a connection", () => {
  becomes("online");
  becomes("reconnecting");
  vi.advanceTimersByTime(2000);

  connection.retryNow();
  expect(client.reconnects).toBe(1);
  becomes("reconnecting"); // The attempt begins.
  expect(connection).toMatchObject({ state: "reconnecting", troubled: true, live: false });
  becomes("online");
  expect(connection).toMatchObject({ state: "online", troubled: false, live: true });

  vi.advanceTimersByTime(60_000);
  expect(connection.troubled).toBe(false);
  expect(client.reconnects).toBe(1);
  expect(ended).toHaveBeenCalledTimes(1);
});

it("attempts that fail put the word about a loss off no longer", () => {
  becomes("online");
  becomes("reconnecting");
  for (let attempt = 0; attempt < 4; attempt += 1) {
    vi.advanceTimersByTime(500);
    connection.retryNow();
    becomes("reconnecting");
  }
  expect(connection.troubled).toBe(true);
  expect(client.reconnects).toBe(4);
});

it("nobody who is signed out is troubled", () => {
  becomes("online");
  becomes("signedOut");
  vi.advanceTimersByTime(60_000);
  expect(connection).toMatchObject({ troubled: false, live: false });
});
