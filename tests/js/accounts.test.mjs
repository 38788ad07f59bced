/** Accounts over HTTP: registration, login, rotating refresh tokens, sessions and their end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { refusal } from './lib/client.mjs';
import { shapes } from './lib/contract.mjs';
import { freshName, login, PASSWORD } from './lib/people.mjs';
import { suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const vt = await suite();

/** How long an ended session may still be accepted. */
const END_MS = 1000;

async function auth(route, body, token) {
  return vt.http('POST', `/api/v1/auth/${route}`, { body, token });
}

/** Sends a request and drops the connection without looking at the answer. */
async function askAndHangUp(path, body) {
  const { hostname, port } = new URL(vt.server.url);
  const json = JSON.stringify(body);
  const head = `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${json.length}`;
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(`${head}\r\n\r\n${json}`);
  await once(socket, 'data');
  socket.destroy();
}

async function me(token) {
  return (await vt.http('GET', '/api/v1/users/me', { token })).status;
}

async function sessions(token) {
  const { status, body } = await vt.http('GET', '/api/v1/auth/sessions', { token });
  assert.equal(status, 200);
  assert.deepEqual(shapes.list(shapes.Session)(body.sessions, 'sessions'), []);
  return body.sessions;
}

/** A person with two connected devices: `{ person, client, second, secondClient }`. */
async function twoDevices() {
  const person = await vt.person();
  const second = await login(vt.server, person);
  return { person, second, client: await vt.connect(person), secondClient: await vt.connect(second) };
}

/** The session has lost its tokens and its sockets, and such a client does not come back by itself. */
async function assertEnded(person, client) {
  await until(async () => (await me(person.accessToken)) === 401, END_MS, 'the access token is still accepted');
  assert.equal(await client.ended(END_MS), 'io server disconnect');
  assert.equal(await refusal(vt.server.url, person.accessToken), 'unauthorized');
  assert.equal((await auth('refresh', { refreshToken: person.refreshToken })).status, 401);
}

test('registering answers tokens and the person', async () => {
  const username = freshName('Ada');
  const { status, body } = await auth('register', { username, password: PASSWORD, displayName: 'Ada Lovelace' });
  assert.equal(status, 201);
  assert.deepEqual(shapes.Tokens(body, 'register'), []);
  assert.deepEqual([body.user.username, body.user.displayName, body.user.avatar], [username, 'Ada Lovelace', null]);
  const lifeMs = Date.parse(body.accessTokenExpiresAt) - Date.now();
  assert.ok(lifeMs > 14 * 60_000 && lifeMs < 16 * 60_000, `${lifeMs} ms`);
  assert.equal(await me(body.accessToken), 200);
});

test('user names: 3 to 32 of the allowed characters, unique without case', async () => {
  const name = freshName('Name');
  assert.equal((await auth('register', { username: name, password: PASSWORD })).status, 201);
  for (const username of [name, name.toUpperCase(), name.toLowerCase()]) {
    const { status, body } = await auth('register', { username, password: PASSWORD });
    assert.deepEqual([status, body.error.code], [409, 'conflict']);
  }
  for (const username of ['', 'ab', 'with space', 'ümlaut', 'at@home', 'a/b', '<b>', null, 7, undefined]) {
    const { status, body } = await auth('register', { username, password: PASSWORD });
    assert.deepEqual([status, body.error.code], [400, 'invalid_request'], String(username));
  }
  assert.equal((await auth('register', { username: `x${'y'.repeat(32)}`, password: PASSWORD })).status, 413);
  const longest = freshName('abc_.-').padEnd(32, 'Z');
  assert.equal((await auth('register', { username: longest, password: PASSWORD })).body.user.username, longest);
});

test('passwords have 8 to 256 characters', async () => {
  for (const password of ['👍'.repeat(8), 'x'.repeat(256), '        ']) {
    const username = freshName();
    assert.equal((await auth('register', { username, password })).status, 201);
    assert.equal((await auth('login', { username, password })).status, 200);
  }
  for (const [password, status] of [['1234567', 400], ['', 400], [null, 400], [12345678, 400], ['x'.repeat(257), 413]]) {
    assert.equal((await auth('register', { username: freshName(), password })).status, status, String(password));
  }
});

test('display names have 1 to 64 characters', async () => {
  for (const [displayName, status] of [['👍'.repeat(64), 201], ['x'.repeat(65), 413], ['', 400], ['  ', 400], [7, 400], [null, 201]]) {
    assert.equal((await auth('register', { username: freshName(), password: PASSWORD, displayName })).status, status, String(displayName));
  }
});

test('twenty registrations of one name at once make one account', async () => {
  const username = freshName();
  const answers = await Promise.all(Array.from({ length: 20 }, () => auth('register', { username, password: PASSWORD })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array(19).fill(409)]);
});

test('login finds the name without case; a wrong password and an unknown name look alike', async () => {
  const person = await vt.person();
  const { status, body } = await auth('login', { username: person.username.toUpperCase(), password: PASSWORD });
  assert.deepEqual([status, body.user.id, body.user.username], [200, person.id, person.username]);
  const wrong = await auth('login', { username: person.username, password: 'not the password' });
  const unknown = await auth('login', { username: freshName('nobody'), password: 'not the password' });
  assert.deepEqual([wrong.status, wrong.body], [401, unknown.body]);
  assert.equal(wrong.body.error.code, 'unauthorized');
  for (const payload of [{}, { username: person.username }, { username: 7, password: PASSWORD }, [], 'x', null]) {
    assert.equal((await auth('login', payload)).status, 400, JSON.stringify(payload));
  }
});

test('only A to Z fold in a user name', async () => {
  const person = await vt.person('Kim');
  const other = person.username.replace('K', '\u212a');
  assert.equal((await auth('login', { username: other, password: PASSWORD })).status, 401);
  assert.equal((await auth('login', { username: person.username.toLowerCase(), password: PASSWORD })).status, 200);
});

test('a password is the same however it is composed', async () => {
  const [composed, decomposed] = ['p\u00e4sswort-lang', 'pa\u0308sswort-lang'];
  for (const [set, shown] of [[composed, decomposed], [decomposed, composed]]) {
    const username = freshName();
    const { body: { accessToken } } = await auth('register', { username, password: set });
    assert.equal((await auth('login', { username, password: shown })).status, 200);
    assert.equal((await auth('login', { username, password: 'passwort-lang' })).status, 401);
    assert.equal((await auth('password', { currentPassword: shown, newPassword: shown }, accessToken)).status, 204);
  }
  assert.equal((await auth('register', { username: freshName(), password: 'a\u0308'.repeat(7) })).status, 400);
});

test('names that hide something or turn their surroundings round are refused', async () => {
  const person = await vt.person();
  const owner = await vt.connect(person);
  const group = await owner.ok('group:create', { name: 'Names' });
  const [{ id: channelId }] = group.channels;
  for (const name of ['a\0b', 'a\nb', 'Eve\u202e', '\u2066Eve', 'a\u200bb', '\u3164', '\u2800', 'a\u2028', '\u200f']) {
    const refused = [
      await auth('register', { username: freshName(), password: PASSWORD, displayName: name }),
      await vt.http('PATCH', '/api/v1/users/me', { body: { displayName: name }, token: person.accessToken }),
    ];
    for (const { status, body } of refused) assert.deepEqual([status, body.error.code], [400, 'invalid_request'], JSON.stringify(name));
    for (const [event, payload] of [
      ['user:update', { displayName: name }],
      ['group:create', { name }],
      ['group:update', { groupId: group.id, name }],
      ['channel:create', { groupId: group.id, name }],
      ['channel:update', { channelId, name }],
      ['member:update', { groupId: group.id, userId: person.id, nickname: name }],
    ]) {
      await owner.refused(event, payload, 'invalid_request');
    }
  }
  for (const name of ['👩\u200d👩\u200d👧', '❤\ufe0f', 'می\u200cخواهم', '  spaces  ']) {
    assert.equal((await owner.ok('user:update', { displayName: name })).displayName, name);
  }
});

test('a refresh token rotates, and one used after its successor ends its session', async () => {
  const person = await vt.person();
  const client = await vt.connect(person);
  const first = await auth('refresh', { refreshToken: person.refreshToken });
  assert.equal(first.status, 200);
  assert.deepEqual(shapes.Tokens(first.body, 'refresh'), []);
  assert.notEqual(first.body.refreshToken, person.refreshToken);
  assert.equal(await me(first.body.accessToken), 200);
  assert.equal(client.connected, true);
  const second = await auth('refresh', { refreshToken: first.body.refreshToken });
  assert.equal(second.status, 200);
  assert.equal((await auth('refresh', { refreshToken: person.refreshToken })).status, 401);
  await assertEnded({ accessToken: second.body.accessToken, refreshToken: second.body.refreshToken }, client);
});

test('a refresh whose answer is lost can be repeated, and so can the pair that the repetition answers', async () => {
  const person = await vt.person();
  const client = await vt.connect(person);
  let { refreshToken } = person;
  for (let round = 0; round < 3; round += 1) {
    await askAndHangUp('/api/v1/auth/refresh', { refreshToken });
    const again = await auth('refresh', { refreshToken });
    const oncemore = await auth('refresh', { refreshToken });
    assert.deepEqual([again.status, oncemore.status], [200, 200]);
    assert.deepEqual([await me(again.body.accessToken), await me(oncemore.body.accessToken)], [200, 200]);
    ({ refreshToken } = round % 2 ? again.body : oncemore.body);
  }
  assert.equal(client.connected, true);
});

test('a refresh token used by many at once serves all of them, and every pair works', async () => {
  const person = await vt.person();
  const answers = await Promise.all(Array.from({ length: 10 }, () => auth('refresh', { refreshToken: person.refreshToken })));
  assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
  const next = await Promise.all(answers.map(({ body }) => auth('refresh', { refreshToken: body.refreshToken })));
  for (const { status, body } of [...answers, ...next]) assert.deepEqual([status, await me(body.accessToken)], [200, 200]);
});

test('refresh tokens of any other form are refused', async () => {
  const person = await vt.person();
  for (const refreshToken of ['rubbish', '', person.accessToken, `${person.refreshToken}x`]) {
    assert.ok([400, 401].includes((await auth('refresh', { refreshToken })).status), refreshToken);
  }
  for (const refreshToken of [null, 7, undefined]) assert.equal((await auth('refresh', { refreshToken })).status, 400);
  assert.equal((await auth('refresh', { refreshToken: person.refreshToken })).status, 200);
});

test('the bearer is needed, and only in its right form', async () => {
  const { accessToken, refreshToken } = await vt.person();
  for (const authorization of [undefined, '', accessToken, `Basic ${accessToken}`, 'Bearer', 'Bearer ', `Bearer ${refreshToken}`, 'Bearer x']) {
    const { status, body } = await vt.http('GET', '/api/v1/users/me', { headers: authorization === undefined ? {} : { authorization } });
    assert.deepEqual([status, body.error.code], [401, 'unauthorized'], authorization);
  }
  assert.equal((await vt.http('GET', '/api/v1/users/me', { headers: { authorization: `bearer ${accessToken}` } })).status, 200);
});

test('sessions are listed, and the current one is marked', async () => {
  const person = await vt.person();
  const second = await login(vt.server, person);
  const list = await sessions(second.accessToken);
  assert.equal(list.length, 2);
  assert.deepEqual(list.filter(({ current }) => current).length, 1);
  const seenByFirst = await sessions(person.accessToken);
  assert.notEqual(seenByFirst.find(({ current }) => current).id, list.find(({ current }) => current).id);
});

test('logout ends this session only', async () => {
  const { person, client, second, secondClient } = await twoDevices();
  assert.equal((await auth('logout', undefined, person.accessToken)).status, 204);
  await assertEnded(person, client);
  assert.equal(await me(second.accessToken), 200);
  await secondClient.ok('user:search', { query: 'x' });
  assert.equal((await sessions(second.accessToken)).length, 1);
});

test('a session is ended by its id, by nobody but its person', async () => {
  const { person, client, second, secondClient } = await twoDevices();
  const stranger = await vt.person();
  const { id } = (await sessions(second.accessToken)).find(({ current }) => !current);
  const end = (sessionId, token) => vt.http('DELETE', `/api/v1/auth/sessions/${sessionId}`, { token });
  const probe = await end(id, stranger.accessToken);
  assert.deepEqual([probe.status, probe.body.error.code], [404, 'session_not_found']);
  assert.equal((await end('123', stranger.accessToken)).body.error.message, probe.body.error.message);
  assert.equal(await me(person.accessToken), 200);
  assert.equal((await end(id, second.accessToken)).status, 204);
  await assertEnded(person, client);
  assert.equal((await end(id, second.accessToken)).status, 404);
  await secondClient.ok('user:search', { query: 'x' });
});

test('a new password ends the other sessions', async () => {
  const { person, client, second, secondClient } = await twoDevices();
  const change = (currentPassword, newPassword) => auth('password', { currentPassword, newPassword }, second.accessToken);
  const wrong = await change('wrong password', 'another password');
  assert.deepEqual([wrong.status, wrong.body.error.code], [403, 'forbidden']);
  assert.equal((await change(PASSWORD, 'short')).status, 400);
  assert.equal((await change(PASSWORD, 'x'.repeat(257))).status, 413);
  assert.equal((await change(PASSWORD, 'another password')).status, 204);
  await assertEnded(person, client);
  assert.equal(await me(second.accessToken), 200);
  await secondClient.ok('user:search', { query: 'x' });
  assert.equal((await auth('login', { username: person.username, password: PASSWORD })).status, 401);
  assert.equal((await auth('login', { username: person.username, password: 'another password' })).status, 200);
});

test('an ended session loses its sockets of every version and transport', async () => {
  const person = await vt.person();
  const clients = [];
  for (const version of ['v2', 'v3', 'v4']) {
    for (const transport of ['websocket', 'polling']) clients.push(await vt.connect(person, { version, transport, reconnect: true }));
  }
  await auth('logout', undefined, person.accessToken);
  for (const client of clients) assert.equal(await client.ended(END_MS), 'io server disconnect', `${client.version}`);
});

test('secrets never reach the log', async () => {
  const person = await vt.person();
  const client = await vt.connect(person, { transport: 'polling' });
  await client.say(client.ready.groups[0].channels[0].id, 'very private content');
  await auth('login', { username: person.username, password: 'a mistyped password' });
  const log = vt.server.logs.join('\n');
  for (const secret of [person.accessToken, person.refreshToken, PASSWORD, 'a mistyped password', 'very private content', client.engine.id]) {
    assert.equal(log.includes(secret), false, secret);
  }
});
