/** One HTTP request with its status and body. Each error body of the API is held against the contract's table. */
import assert from 'node:assert/strict';
import { statusOf } from './contract.mjs';

const TIMEOUT_MS = 15_000;

/** Answers `{ status, body, headers, text }`; `body` is the parsed JSON, or undefined. */
export async function http(base, method, route, { token, body, headers = {}, raw, redirect } = {}) {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(base + route, {
    method, redirect, body: payload, signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(payload !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
  });
  const text = await response.text();
  const answer = { status: response.status, headers: response.headers, text, body: parse(text) };
  if (route.startsWith('/api/v1') && answer.status >= 400) checkError(answer, `${method} ${route}`);
  return answer;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checkError({ status, body, text }, what) {
  assert.equal(body?.ok, false, `${what}: the body of ${status} is not { ok: false, error }: ${text.slice(0, 200)}`);
  assert.equal(typeof body.error.message, 'string', `${what}: error.message`);
  assert.equal(status, statusOf[body.error.code], `${what}: status of ${body.error.code}`);
  if (body.error.code === 'rate_limited') assert.ok(body.error.retryAfterMs > 0, `${what}: retryAfterMs`);
}
