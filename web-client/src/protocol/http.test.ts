// @vitest-environment node
import { expect, test } from "vitest";
import { createHttp } from "./http";

const answering = (response: () => Response | Promise<Response>) =>
  createHttp("http://server", (async () => response()) as typeof fetch)({ method: "GET", path: "users/me" });

test("gives the data and the server's time", async () => {
  const date = "Wed, 25 Nov 2026 02:00:00 GMT";
  const answer = await answering(() => new Response('{"id":"1"}', { headers: { date } }));
  expect(answer).toEqual({ data: { id: "1" }, serverTime: Date.parse(date) });
  expect(await answering(() => new Response(null, { status: 204 }))).toEqual({
    data: undefined,
    serverTime: null,
  });
});

test.each<[string, number, Record<string, string>, object]>([
  ['{"ok":false,"error":{"code":"unauthorized","message":"no"}}', 401, {}, { code: "unauthorized" }],
  ["<h1>Sign in to the hotel's network</h1>", 401, {}, { code: "unavailable" }],
  ["<h1>Bad gateway</h1>", 502, { "retry-after": "3" }, { code: "unavailable", retryAfterMs: 3000 }],
  ["", 504, {}, { code: "timeout" }],
])("%s (%i)", async (body, status, headers, failure) => {
  await expect(answering(() => new Response(body, { status, headers }))).rejects.toMatchObject(failure);
});

test("without network, and without an answer", async () => {
  const failing = (error: Error) => answering(() => Promise.reject(error));
  await expect(failing(new TypeError("fetch failed"))).rejects.toMatchObject({ code: "offline" });
  await expect(failing(new DOMException("late", "TimeoutError"))).rejects.toMatchObject({ code: "timeout" });
});
