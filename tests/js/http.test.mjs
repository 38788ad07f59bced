/** The HTTP API: every row of its table, statuses, bodies, CORS, the documents and the operations. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { makeGroup, suite, unusedId } from './lib/suite.mjs';
import { routeProblems, withoutNames } from './lib/openapi.mjs';
import { startServer } from './lib/server.mjs';
import { address, authRoutes, routes } from './lib/routes.mjs';

const vt = await suite();
const [owner, member, stranger, banned] = await vt.people(4);

async function scene() {
  const { groupId, channelId, invite } = await makeGroup(owner, member);
  await owner.ok('member:ban', { groupId, userId: banned.id });
  const { id: messageId } = await owner.say(channelId, 'a message');
  const emoji = '👍/?#%';
  await owner.ok('reaction:add', { channelId, messageId, emoji });
  return { groupId, channelId, messageId, code: invite.code, emoji, owner, member, stranger, banned };
}

const shared = await scene();
const { body: openapi } = await vt.http('GET', '/api/v1/openapi.json');
const call = (row, at, token, body = row.body?.(shared)) => vt.http(row.method, at, { token, body });

for (const row of routes) {
  const name = `${row.method} ${row.path}`;

  test(`${name}: success`, async () => {
    const own = await scene();
    const sent = row.body?.(own);
    const { status, body, text, headers } = await call(row, address(row, own), own[row.as ?? 'owner'].token, sent);
    assert.ok([row.status].flat().includes(status), `${status} ${text}`);
    assert.deepEqual(routeProblems(openapi, row, sent, { status, body }), []);
    if (status === 204) return assert.equal(text, '');
    assert.match(headers.get('content-type'), /^application\/json/);
    assert.deepEqual(row.shape(body, name), []);
    assert.equal(body.ok, undefined, 'successes are the bare data');
  });

  test(`${name}: 401 without a token`, async () => {
    for (const token of [undefined, 'rubbish']) {
      const { status, body } = await call(row, address(row, shared), token);
      assert.deepEqual([status, body.error.code], [401, 'unauthorized']);
    }
  });

  if (row.missing) {
    test(`${name}: an id that names nothing`, async () => {
      const id = unusedId();
      const { body } = await call(row, address(row, shared, { messageId: id, userId: id }), owner.token);
      assert.equal(body.error.code, row.missing);
    });
  }

  if (row.power) {
    test(`${name}: forbidden to an ordinary member`, async () => {
      const { status, body } = await call(row, address(row, { ...shared, member: owner }), member.token);
      assert.deepEqual([status, body.error.code], [403, 'forbidden']);
    });
  }

  if (row.body) {
    test(`${name}: a body that is no JSON object is invalid_request`, async () => {
      // A group of its own, because an empty body may be carried out.
      const at = address(row, await scene());
      for (const raw of ['', '{', '[]', '7', 'null', '"x"', '{"a":1}{']) {
        const { status, body } = await vt.http(row.method, at, { token: owner.token, raw });
        // A body of which nothing is required may be left out.
        if (raw === '' && status < 300) continue;
        assert.deepEqual([status, body?.error.code], [400, 'invalid_request'], raw);
      }
    });
  }
}

test('the ids of a path are judged as those of an event are', async () => {
  for (const id of ['abc', '-1', '1.5', '%00', '..', '99999999999999999999999']) {
    const { status } = await vt.http('GET', `/api/v1/channels/${id}/messages`, { token: owner.token });
    assert.ok([400, 404].includes(status), `${id}: ${status}`);
  }
});

test('a repeated nonce is 200 and the stored message, a direct channel that exists 200', async () => {
  const post = (path, body) => vt.http('POST', `/api/v1/${path}`, { token: owner.token, body });
  const messages = [1, 2].map(() => ({ content: 'once', nonce: 'http' }));
  const [first, again] = [await post(`channels/${shared.channelId}/messages`, messages[0]), await post(`channels/${shared.channelId}/messages`, messages[1])];
  assert.deepEqual([first.status, again.status, again.body.id], [201, 200, first.body.id]);
  const [opened, reopened] = [await post('direct-channels', { userIds: [stranger.id] }), await post('direct-channels', { userIds: [stranger.id] })];
  assert.deepEqual([opened.status, reopened.status, reopened.body.id], [201, 200, opened.body.id]);
});

test('what is done over HTTP is pushed to sockets', async () => {
  const { channelId } = shared;
  const post = await vt.http('POST', `/api/v1/channels/${channelId}/messages`, { token: owner.token, body: { content: 'over HTTP' } });
  assert.deepEqual(await member.next('message:created', ({ id }) => id === post.body.id), post.body);
  const at = `/api/v1/channels/${channelId}/messages/${post.body.id}`;
  await vt.http('PUT', `${at}/reactions/${encodeURIComponent('👍')}`, { token: member.token });
  await owner.next('reaction:added', ({ messageId }) => messageId === post.body.id);
  const { body } = await vt.http('GET', at, { token: member.token });
  assert.deepEqual(body.reactions, [{ emoji: '👍', count: 1, me: true }]);
  await vt.http('DELETE', at, { token: owner.token });
  await member.next('message:deleted', ({ messageId }) => messageId === post.body.id);
});

test('paging parameters are the same as in events', async () => {
  const get = (query, token = owner.token) => vt.http('GET', `/api/v1/channels/${shared.channelId}/messages?${query}`, { token });
  const all = await get('after=0&limit=100');
  assert.equal(all.body.hasMore, false);
  assert.equal((await get(`around=${shared.messageId}&limit=1`)).body.messages[0].id, shared.messageId);
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'before=x', 'before=1&after=1']) {
    assert.ok([400, 413].includes((await get(query)).status), query);
  }
});

test('a query parameter without a value is as if it were absent, a body needs no content type', async () => {
  const { status, body } = await vt.http('GET', `/api/v1/channels/${shared.channelId}/messages?before=&after=&around=&limit=`, { token: owner.token });
  assert.equal(status, 200);
  assert.ok(body.messages.length > 0);
  const bare = await fetch(`${vt.server.url}/api/v1/groups`, { method: 'POST', body: new TextEncoder().encode('{"name":"bare"}'), headers: { authorization: `Bearer ${owner.token}` } });
  assert.equal(bare.status, 201);
});

test('first comes the token, then the form, then what the event says', async () => {
  const { channelId } = shared;
  const post = async (route, raw, token) => (await vt.http('POST', `/api/v1/${route}`, { token, raw })).status;
  assert.equal(await post('channels/abc/messages', '{', undefined), 401);
  assert.equal(await post(`channels/${channelId}/messages`, '{', stranger.token), 400);
  assert.equal(await post('channels/abc/messages', '{"content":"x"}', stranger.token), 400);
  assert.equal(await post(`channels/${channelId}/messages`, '{"content":""}', stranger.token), 404);
});

test('limits of texts are 413, conflicts 409', async () => {
  const post = (path, body) => vt.http('POST', `/api/v1/${path}`, { token: owner.token, body });
  assert.equal((await post(`channels/${shared.channelId}/messages`, { content: 'x'.repeat(4001) })).status, 413);
  assert.equal((await post('groups', { name: 'x'.repeat(101) })).status, 413);
});

test('slow mode is 429 with retryAfterMs and Retry-After', async () => {
  const { id } = await owner.ok('channel:create', { groupId: shared.groupId, name: 'slow', slowModeSeconds: 600 });
  const post = () => vt.http('POST', `/api/v1/channels/${id}/messages`, { token: member.token, body: { content: 'x' } });
  assert.equal((await post()).status, 201);
  const { status, body, headers } = await post();
  assert.equal(status, 429);
  assert.ok(body.error.retryAfterMs > 590_000);
  assert.ok(Math.abs(Number(headers.get('retry-after')) - body.error.retryAfterMs / 1000) <= 1, headers.get('retry-after'));
});

test('unknown routes are route_not_found, and attachments are not there yet', async () => {
  for (const [method, path] of [['GET', 'nope'], ['GET', ''], ['POST', 'users/me/nope'], ['POST', 'attachments'], ['GET', 'groups/1/nope']]) {
    const { status } = await vt.http(method, `/api/v1/${path}`, { token: owner.token });
    assert.equal(status, 404, path);
  }
  const { body } = await vt.http('GET', '/api/v1/nope', { token: owner.token });
  assert.equal(body.error.code, 'route_not_found');
});

test('a wrong method or content type is an error of ours, not a page', async () => {
  const wrongMethod = await fetch(`${vt.server.url}/api/v1/groups`, { method: 'DELETE', headers: { authorization: `Bearer ${owner.token}` } });
  assert.deepEqual([wrongMethod.status, (await wrongMethod.json()).error.code], [405, 'route_not_found']);
  assert.match(wrongMethod.headers.get('allow'), /GET/);
  assert.match(wrongMethod.headers.get('allow'), /POST/);
  const wrongType = await fetch(`${vt.server.url}/api/v1/groups`, { method: 'POST', body: 'name=x', headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/x-www-form-urlencoded' } });
  assert.ok([400, 415].includes(wrongType.status));
});

test('CORS: any origin, without credentials', async () => {
  const origin = 'https://app.example.org';
  const preflight = await fetch(`${vt.server.url}/api/v1/groups`, {
    method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' },
  });
  assert.ok(preflight.ok);
  assert.match(preflight.headers.get('access-control-allow-origin'), /^(\*|https:\/\/app\.example\.org)$/);
  assert.match(preflight.headers.get('access-control-allow-headers'), /authorization|\*/i);
  const { headers } = await vt.http('GET', '/api/v1/users/me', { token: owner.token, headers: { origin } });
  assert.ok(headers.get('access-control-allow-origin'));
  assert.equal(headers.get('access-control-allow-credentials'), null);
  const polling = await fetch(`${vt.server.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } });
  assert.ok(polling.headers.get('access-control-allow-origin'), 'Socket.IO too');
  const refused = await vt.http('GET', '/api/v1/users/me', { headers: { origin } });
  assert.ok(refused.headers.get('access-control-allow-origin'), 'errors too, or a browser cannot read them');
});

test('CORS: with credentials for the origins of the settings only', async () => {
  const server = await startServer({ set: { 'http.cors_origins': 'https://app.example.org' } });
  try {
    const ask = (origin) => fetch(`${server.url}/api/v1/openapi.json`, { headers: { origin } });
    const known = await ask('https://app.example.org');
    assert.deepEqual(['origin', 'credentials'].map((name) => known.headers.get(`access-control-allow-${name}`)), ['https://app.example.org', 'true']);
    assert.equal((await ask('https://evil.example.org')).headers.get('access-control-allow-credentials'), null);
  } finally {
    await server.stop();
  }
});

test('openapi.json names every route of the table', async () => {
  const { status, body } = await vt.http('GET', '/api/v1/openapi.json');
  assert.equal(status, 200);
  assert.match(body.openapi, /^3\./);
  const named = new Set(Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${withoutNames(path.replace(/^\/api\/v1/, ''))}`)));
  const wanted = [...routes.map(({ method, path }) => `${method} /${path}`), ...authRoutes.map((path) => `POST /${path}`), 'GET /server', 'DELETE /auth/sessions/{id}'];
  assert.deepEqual(wanted.map(withoutNames).filter((route) => !named.has(route)), []);
});

test('/docs is browsable without anything from elsewhere', async () => {
  const { status, headers, text } = await vt.http('GET', '/docs');
  assert.equal(status, 200);
  assert.match(headers.get('content-type'), /html/);
  assert.doesNotMatch(text, /<(script|link)[^>]+(src|href)="https?:/);
});

test('healthz and readyz', async () => {
  assert.equal((await vt.http('GET', '/healthz')).status, 200);
  assert.equal((await vt.http('GET', '/readyz')).status, 200);
});

test('metrics are on a listener of their own', async () => {
  const response = await fetch(`${await vt.server.metricsUrl()}/metrics`);
  assert.equal(response.status, 200);
  const text = await response.text();
  for (const name of ['vibetalk_build_info', 'vibetalk_connections', 'vibetalk_messages_stored_total', 'vibetalk_events_received_total']) {
    assert.match(text, new RegExp(`^# HELP ${name} `, 'm'));
  }
  for (const id of [owner.id, shared.groupId, shared.channelId]) assert.equal(text.includes(id), false);
  assert.equal((await vt.http('GET', '/metrics')).status, 404);
});

test('a head of more than 16 KiB is refused, and the server goes on', async () => {
  const answer = await new Promise((resolve) => {
    const socket = net.connect(vt.server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (bytes) => { text += bytes; }).on('close', () => resolve(text)).on('error', () => {});
    socket.write(`GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-big: ${'x'.repeat(20_000)}\r\n\r\n`);
  });
  assert.doesNotMatch(answer, /^HTTP\/1\.1 2/);
  assert.equal((await vt.http('GET', '/healthz')).status, 200);
});
