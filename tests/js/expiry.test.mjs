/** A socket lives as long as its session, which a refresh prolongs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { login } from './lib/people.mjs';
import { suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const SESSION_SECONDS = 6;
const vt = await suite({ set: { 'auth.session_seconds': SESSION_SECONDS } });

const refresh = (refreshToken) => vt.http('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
const me = async (token) => (await vt.http('GET', '/api/v1/users/me', { token })).status;

test('the sockets of a session that is not refreshed end with it, and those of one that is go on', async () => {
  const left = await vt.person();
  const kept = await login(vt.server, left);
  const [websocket, polling] = [await vt.connect(left), await vt.connect(left, { transport: 'polling' })];
  const other = await vt.connect(kept);
  let { refreshToken, accessToken } = kept;
  const prolonging = setInterval(async () => {
    const { status, body } = await refresh(refreshToken);
    if (status === 200) ({ refreshToken, accessToken } = body);
  }, 1000);
  try {
    for (const client of [websocket, polling]) {
      assert.equal(await client.ended(SESSION_SECONDS * 5_000), 'io server disconnect');
    }
    assert.equal(await me(left.accessToken), 401);
    assert.equal((await refresh(left.refreshToken)).status, 401);
    assert.equal(await me(accessToken), 200);
    await other.ok('user:search', { query: 'x' });
  } finally {
    clearInterval(prolonging);
  }
  assert.equal(await other.ended(SESSION_SECONDS * 5_000), 'io server disconnect');
  await until(async () => (await me(accessToken)) === 401, 1000, 'the access token outlives its session');
});

test('an access token counts no longer than its session', async () => {
  const { accessTokenExpiresAt } = await vt.person();
  assert.ok(Date.parse(accessTokenExpiresAt) - Date.now() <= SESSION_SECONDS * 1000);
});
