/** Rates and sizes. These servers run with the limits a stranger meets by default. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGroup, official, suite } from './lib/suite.mjs';
import { rawSocket } from './lib/raw.mjs';
import { deadline, until } from './lib/wait.mjs';
import { freshName, PASSWORD } from './lib/people.mjs';

const limited = await suite({ set: { 'limits.rates': true } });
const unlimited = await suite();

const attempt = (vt, route, body, token) => vt.http('POST', `/api/v1/auth/${route}`, { body, token });

test('a burst of 500 requests passes; what is more is rate_limited, each acked once', async () => {
  const [client] = await limited.people(1);
  const { channelId } = official(client);
  const startedAt = performance.now();
  const answers = await Promise.all(Array.from({ length: 900 }, () => client.request('typing:start', { channelId }, 30_000)));
  const refilled = (200 * (performance.now() - startedAt)) / 1000;
  const passed = answers.filter(({ ok }) => ok).length;
  assert.ok(passed >= 500 && passed <= 500 + refilled + 20, `${passed} passed, ${Math.round(refilled)} refilled`);
  if (passed < 900) {
    const refused = answers.filter(({ ok }) => !ok);
    assert.ok(refused.every(({ error }) => error.code === 'rate_limited' && error.retryAfterMs <= 5000));
  }
  assert.equal(client.connected, true);
});

test('after retryAfterMs the next request passes', async () => {
  const [client] = await limited.people(1);
  const { channelId } = official(client);
  const answers = await Promise.all(Array.from({ length: 900 }, () => client.request('typing:start', { channelId }, 30_000)));
  const last = answers.filter(({ ok }) => !ok).at(-1);
  assert.ok(last, 'nothing was refused');
  await new Promise((resolve) => setTimeout(resolve, last.error.retryAfterMs + 50));
  await client.ok('typing:start', { channelId });
});

test('one session at its limit does not slow another down', async () => {
  const [noisy, quiet] = await limited.people(2);
  const { channelId } = official(noisy);
  const noise = Promise.all(Array.from({ length: 900 }, () => noisy.request('typing:start', { channelId }, 30_000)));
  await quiet.ok('typing:start', { channelId });
  await noise;
});

for (const transport of ['websocket', 'polling']) {
  test(`without rates a flood over ${transport} is held to 1,000 unanswered requests, in order, and the socket stays open`, async () => {
    const [owner] = await unlimited.people(1, { transports: [transport] });
    const { channelId } = await makeGroup(owner);
    const payload = (index) => ({ channelId, content: String(index) });
    const answers = await Promise.all(Array.from({ length: 4000 }, (_, index) => owner.request('message:create', payload(index), 60_000)));
    const refused = answers.filter(({ ok }) => !ok);
    const stored = answers.filter(({ ok }) => ok).map(({ data }) => Number(data.content));
    assert.ok(stored.length >= 1000, `${stored.length} were stored`);
    assert.ok(refused.length > 0, 'four thousand at once were all taken');
    assert.deepEqual([...new Set(refused.map(({ error }) => error.code))], ['rate_limited']);
    assert.deepEqual(stored, [...stored].sort((a, b) => a - b));
    const { messages } = await owner.ok('message:list', { channelId, limit: 100 });
    assert.deepEqual(messages.map(({ content }) => Number(content)), stored.slice(-100).reverse());
    assert.equal(owner.connected, true);
  });
}

for (const [name, vt] of [['with', limited], ['without', unlimited]]) {
  test(`ten failed logins close a user name for a minute, ${name} rates`, async () => {
    const person = await vt.person();
    for (let count = 0; count < 10; count += 1) {
      const username = count % 2 ? person.username : person.username.toUpperCase();
      assert.equal((await attempt(vt, 'login', { username, password: 'wrong password' })).status, 401);
    }
    for (const password of ['wrong password', PASSWORD]) {
      const { status, body } = await attempt(vt, 'login', { username: person.username, password });
      assert.deepEqual([status, body.error.code], [429, 'rate_limited']);
      assert.ok(body.error.retryAfterMs <= 60_000);
    }
    const other = await vt.person();
    assert.equal((await attempt(vt, 'login', { username: other.username, password: PASSWORD })).status, 200);
    assert.equal((await vt.http('GET', '/api/v1/users/me', { token: person.accessToken })).status, 200);
  });
}

/** A request as a proxy on this machine passes it on for `address`. */
function from(address, route, body) {
  return unlimited.http('POST', `/api/v1/auth/${route}`, { body, headers: { 'x-forwarded-for': address } });
}

test('guesses from elsewhere keep nobody out', async () => {
  const person = await unlimited.person();
  const guess = { username: person.username, password: 'wrong password' };
  for (let count = 0; count < 10; count += 1) assert.equal((await from('203.0.113.1', 'login', guess)).status, 401);
  assert.equal((await from('203.0.113.1', 'login', { ...guess, password: PASSWORD })).status, 429);
  assert.equal((await from('203.0.113.2', 'login', { ...guess, password: PASSWORD })).status, 200);
  const change = { currentPassword: PASSWORD, newPassword: 'another password' };
  const changed = await unlimited.http('POST', '/api/v1/auth/password', { body: change, token: person.accessToken, headers: { 'x-forwarded-for': '203.0.113.1' } });
  assert.equal(changed.status, 204);
});

test('a hundred guesses from many addresses close a name to strangers, and not to who is signed in', async () => {
  const person = await unlimited.person();
  const guess = { username: person.username, password: 'wrong password' };
  const addresses = Array.from({ length: 13 }, (_, number) => `203.0.113.${100 + number}`);
  const answers = await Promise.all(addresses.flatMap((address) => Array.from({ length: 10 }, () => from(address, 'login', guess))));
  assert.ok(answers.filter(({ status }) => status === 401).length <= 100);
  for (const address of addresses) while ((await from(address, 'login', guess)).status === 401);
  const { status, body } = await from('203.0.113.200', 'login', { ...guess, password: PASSWORD });
  assert.deepEqual([status, body.error.code], [429, 'rate_limited']);
  const change = { currentPassword: PASSWORD, newPassword: 'another password' };
  assert.equal((await unlimited.http('POST', '/api/v1/auth/password', { body: change, token: person.accessToken })).status, 204);
});

test('parallel guesses do not get more than ten tries', async () => {
  const person = await unlimited.person();
  const answers = await Promise.all(Array.from({ length: 30 }, () => attempt(unlimited, 'login', { username: person.username, password: 'wrong password' })));
  assert.ok(answers.filter(({ status }) => status === 401).length <= 10);
});

test('a wrong current password counts as a failed login', async () => {
  const person = await unlimited.person();
  const body = { currentPassword: 'wrong password', newPassword: 'another password' };
  for (let count = 0; count < 10; count += 1) {
    assert.equal((await attempt(unlimited, 'password', body, person.accessToken)).status, 403);
  }
  assert.equal((await attempt(unlimited, 'password', { ...body, currentPassword: PASSWORD }, person.accessToken)).status, 429);
  assert.equal((await attempt(unlimited, 'login', { username: person.username, password: PASSWORD })).status, 429);
});

test('unknown user names are limited as known ones are', async () => {
  const username = freshName('nobody');
  for (let count = 0; count < 10; count += 1) assert.equal((await attempt(unlimited, 'login', { username, password: 'wrong password' })).status, 401);
  assert.equal((await attempt(unlimited, 'login', { username, password: 'wrong password' })).status, 429);
});

test('a flood of HTTP requests of one session is served or rate_limited, nothing else', async () => {
  const person = await limited.person();
  const answers = await Promise.all(Array.from({ length: 900 }, () => limited.http('GET', '/api/v1/users/me', { token: person.accessToken })));
  const refused = answers.filter(({ status }) => status !== 200);
  assert.ok(refused.every(({ status }) => status === 429));
});

test('a frame of more than 1 MB ends its connection only, a smaller one is judged by its content', async () => {
  const [victim, other] = await unlimited.people(2);
  const { channelId } = official(victim);
  await victim.refused('message:create', { channelId, content: 'x'.repeat(900_000) }, 'too_large');
  victim.socket.emit('message:create', { channelId, content: 'x'.repeat(2_500_000) }, () => {});
  await victim.ended();
  await other.ok('typing:start', { channelId });
});

test('a polling body of more than 1 MB ends its connection only', async () => {
  const [other] = await unlimited.people(1);
  const victim = await unlimited.connect(await unlimited.person(), { transport: 'polling' });
  const { channelId } = official(victim);
  await victim.refused('message:create', { channelId, content: 'x'.repeat(900_000) }, 'too_large');
  victim.socket.emit('message:create', { channelId, content: 'x'.repeat(2_500_000) }, () => {});
  await victim.ended();
  await other.ok('typing:start', { channelId });
});

test('HTTP bodies of more than 1 MB are too_large', async () => {
  const person = await unlimited.person();
  const { status, body } = await unlimited.http('PATCH', '/api/v1/users/me', { token: person.accessToken, body: { displayName: 'x'.repeat(1_100_000) } });
  assert.deepEqual([status, body.error.code], [413, 'too_large']);
});

test('thirty registrations a minute per address, then rate_limited', async () => {
  const fresh = await suite({ set: { 'limits.rates': true } });
  const statuses = [];
  for (let count = 0; count < 32; count += 1) {
    const { status } = await attempt(fresh, 'register', { username: freshName(), password: PASSWORD });
    statuses.push(status);
  }
  assert.deepEqual(statuses.slice(0, 30), Array(30).fill(201));
  assert.equal(statuses[31], 429);
});

for (const transport of ['websocket', 'polling']) {
  test(`a full server answers the handshake with 503, and a client gets in when there is room (${transport})`, async () => {
    const full = await suite({ set: { 'edge.sessions_max': 2 } });
    const [first] = await full.people(2);
    const response = await fetch(`${full.server.url}/socket.io/?EIO=4&transport=polling`);
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get('retry-after')) > 0);
    const waiting = full.open(await full.person(), { transport, reconnect: true });
    await new Promise((resolve) => waiting.socket.once('connect_error', resolve));
    first.close();
    await waiting.isReady(5000);
  });
}

test('connections of one address are limited', async () => {
  const few = await suite({ set: { 'limits.rates': true, 'limits.connections_per_address': 5 } });
  const [person] = [await few.person()];
  const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => few.connect(person)));
  const connected = attempts.filter(({ status }) => status === 'fulfilled').length;
  assert.ok(connected >= 3 && connected <= 5, `${connected} of 8 connected`);
});

test('behind a trusted proxy the address is the last one that no trusted proxy added; of others the header is ignored', async () => {
  const rates = { 'limits.rates': true, 'limits.registrations_per_minute': 2 };
  const [trusting, wary] = [await suite({ set: rates }), await suite({ set: { ...rates, 'edge.trusted_proxies': '192.0.2.1' } })];
  const from = async (vt, forwarded) => (await vt.http('POST', '/api/v1/auth/register', {
    body: { username: freshName(), password: PASSWORD }, headers: { 'x-forwarded-for': forwarded },
  })).status;
  for (const [forwarded, status] of [
    ['203.0.113.1', 201], ['198.51.100.7, 203.0.113.1', 201], ['203.0.113.1', 429], ['198.51.100.8, 203.0.113.1, 127.0.0.1', 429],
    ['203.0.113.2', 201], ['2001:db8::1', 201],
  ]) assert.equal(await from(trusting, forwarded), status, forwarded);
  for (const [forwarded, status] of [['203.0.113.1', 201], ['203.0.113.2', 201], ['203.0.113.3', 429]]) {
    assert.equal(await from(wary, forwarded), status, forwarded);
  }
});

const starting = (raw, text) => raw.messages.filter((message) => message.startsWith(text)).length;
const isOpen = ({ socket }) => socket.readyState === socket.OPEN;

test('a connection that goes on asking with bad tokens is closed after ten refusals', async () => {
  const stranger = await rawSocket(unlimited.server);
  for (let refused = 0; isOpen(stranger) && refused < 30; refused += 1) {
    stranger.socket.send('40{"token":"rubbish"}');
    await until(() => starting(stranger, '44') > refused || !isOpen(stranger), 5000, 'no answer');
  }
  await deadline(stranger.closed, 5000, 'it is still open');
  assert.ok(starting(stranger, '44') <= 10, `${starting(stranger, '44')} refusals`);
});

test('a session that leaves and joins in a loop is closed after a dozen rounds', async () => {
  const person = await unlimited.person();
  const restless = await rawSocket(unlimited.server, person.accessToken);
  for (let rounds = 1; isOpen(restless) && rounds < 40; rounds += 1) {
    restless.socket.send('41');
    const joined = () => {
      restless.socket.send(`40${JSON.stringify({ token: person.accessToken })}`);
      return starting(restless, '42["ready"') > rounds || !isOpen(restless);
    };
    await until(joined, 5000, 'no ready and no end');
  }
  await deadline(restless.closed, 5000, 'it is still open');
  assert.ok(starting(restless, '42["ready"') < 30, `${starting(restless, '42["ready"')} times ready`);
});

test('what an ended session has queued is not carried out', async () => {
  const [owner] = await unlimited.people(1);
  const { channelId, invite } = await makeGroup(owner);
  const leaver = await unlimited.person();
  await unlimited.http('POST', `/api/v1/invites/${invite.code}/accept`, { token: leaver.accessToken });
  const raw = await rawSocket(unlimited.server, leaver.accessToken);
  const messages = Array.from({ length: 900 }, (_, id) => `42${id}["message:create",${JSON.stringify({ channelId, content: `queued ${id}` })}]`);
  messages.forEach((message) => raw.socket.send(message));
  await raw.has('430[');
  const { status } = await unlimited.http('POST', '/api/v1/auth/logout', { token: leaver.accessToken });
  assert.equal(status, 204);
  await deadline(raw.closed, 5000, 'it is still open');
  await unlimited.fence(owner);
  const stored = owner.seen('message:created', (message) => message.channelId === channelId).length;
  assert.ok(stored > 0 && stored < 900, `${stored} were stored`);
});
