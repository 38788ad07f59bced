// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Ack } from "./contract";
import { createRequests, REQUEST_TIMEOUT_MS } from "./requests";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function setup(connected = true) {
  const acks: ((reply: Ack<unknown>) => void)[] = [];
  const measured = vi.fn();
  const requests = createRequests((_event, _payload, ack) => connected && acks.push(ack) > 0, measured);
  return { ...requests, acks, measured, ask: () => requests.request("typing:start", { channelId: "1" }) };
}

test("answers with the data, or rejects with the server's refusal", async () => {
  const { ask, acks, measured } = setup();
  const [good, bad] = [ask(), ask()];
  acks[0]!({ ok: true, data: { some: "data" } });
  acks[1]!({
    ok: false,
    error: { code: "rate_limited", message: "slowly", retryAfterMs: 7, fields: { a: "b" } },
  });
  expect(await good).toEqual({ some: "data" });
  await expect(bad).rejects.toMatchObject({ code: "rate_limited", retryAfterMs: 7, fields: { a: "b" } });
  expect(measured).toHaveBeenCalledTimes(2);
});

test("rejects at once without a connection, and when it is lost", async () => {
  await expect(setup(false).ask()).rejects.toMatchObject({ code: "offline" });
  const { ask, connectionLost } = setup();
  const request = ask();
  connectionLost();
  await expect(request).rejects.toMatchObject({ code: "offline" });
});

test("rejects after ten seconds; a later answer changes nothing", async () => {
  const { ask, acks, measured } = setup();
  const request = ask();
  vi.advanceTimersByTime(REQUEST_TIMEOUT_MS);
  await expect(request).rejects.toMatchObject({ code: "timeout" });
  acks[0]!({ ok: true, data: {} });
  expect(measured).not.toHaveBeenCalled();
});
