/** An acked message survives kill -9, once; a nonce does too; and a node leaves politely when it is asked to. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { connect, Cut } from './lib/client.mjs';
import { login, register } from './lib/people.mjs';
import { rawSocket } from './lib/raw.mjs';
import { runBinary, sharedStore, startServer } from './lib/server.mjs';
import { makeGroup, official, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const vt = await suite({ set: { 'drain.seconds': 2 } });
const [owner, member] = await vt.people(2, { reconnect: true });
const { channelId } = await makeGroup(owner, member);

/** Sends until it is acked, over as many reconnects as it takes, always with the same nonce. */
async function persist(client, channel, content) {
  const request = { channelId: channel, content, nonce: content };
  for (;;) {
    await until(() => client.connected, 30_000, 'it does not come back');
    const answer = await client.request('message:create', request, 30_000).catch((cause) => {
      if (!(cause instanceof Cut)) throw cause;
    });
    if (answer?.ok) return answer.data;
    if (answer) assert.ok(['unavailable', 'timeout'].includes(answer.error.code), JSON.stringify(answer));
  }
}

/** The whole history of a channel, oldest first, page by page. */
async function history(client, channel) {
  const found = [];
  let before;
  for (;;) {
    const { messages, hasMore } = await client.ok('message:list', { channelId: channel, before, limit: 100 });
    found.push(...messages);
    if (!hasMore) return found.reverse();
    before = messages.at(-1).id;
  }
}

test('kill -9 during 1,000 sends: every acked message is there, none twice', async () => {
  const senders = [owner, member, await vt.connect(owner.person, { reconnect: true, version: 'v3' }), await vt.connect(member.person, { reconnect: true, transport: 'polling' })];
  const acked = new Map();
  let kills = 0;
  let restarted = Promise.resolve();
  const restart = (above) => {
    if (acked.size < above || kills > above / 300) return;
    kills += 1;
    restarted = restarted.then(() => vt.server.restart('SIGKILL'));
  };
  await Promise.all(senders.map(async (client, index) => {
    const texts = Array.from({ length: 250 }, (_, number) => `sender ${index} message ${number}`);
    for (let at = 0; at < texts.length; at += 10) {
      const wave = texts.slice(at, at + 10);
      await Promise.all(wave.map(async (text) => acked.set(text, (await persist(client, channelId, text)).id)));
      restart(kills === 0 ? 300 : 700);
    }
  }));
  await restarted;
  assert.equal(acked.size, 1000);
  assert.ok(kills >= 1, 'nothing was killed');
  const reader = await vt.connect(owner.person);
  const stored = await history(reader, channelId);
  assert.deepEqual(stored.map(({ id }) => id), [...stored].map(({ id }) => id).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)));
  const idsByText = group(stored);
  for (const [text, id] of acked) assert.deepEqual(idsByText.get(text)?.map((message) => message.id), [id], text);
});

function group(messages) {
  const found = new Map();
  for (const message of messages) found.set(message.content, [...(found.get(message.content) ?? []), message]);
  return found;
}

test('a nonce repeated after a restart answers the stored message', async () => {
  const person = await vt.person();
  const client = await vt.connect(person, { reconnect: true });
  const request = { channelId: official(client).channelId, content: 'before the crash', nonce: 'crash' };
  const stored = await client.ok('message:create', request);
  await vt.server.restart('SIGKILL');
  await client.isReady(30_000);
  assert.deepEqual(await client.ok('message:create', request), stored);
});

test('everything else survives a crash: accounts, groups, roles, edits, reactions, pins, read states, invites, bans', async () => {
  const [a, b] = await vt.people(2);
  const own = await makeGroup(a, b);
  await a.ok('member:update', { groupId: own.groupId, userId: b.id, roles: ['moderator'], nickname: 'Bee' });
  const message = await a.say(own.channelId, `<@${b.id}>`);
  await a.ok('message:update', { channelId: own.channelId, messageId: message.id, content: 'edited' });
  await b.ok('reaction:add', { channelId: own.channelId, messageId: message.id, emoji: '👍' });
  await b.ok('pin:add', { channelId: own.channelId, messageId: message.id });
  await b.ok('channel:read', { channelId: own.channelId, messageId: message.id });
  const direct = await a.ok('direct:open', { userIds: [b.id] });
  await a.ok('member:ban', { groupId: own.groupId, userId: owner.id, reason: 'because' });
  const before = await history(b, own.channelId);
  await vt.server.restart('SIGKILL');
  const again = await vt.connect(await login(vt.server, b.person));
  assert.deepEqual(await history(again, own.channelId), before);
  assert.deepEqual([before[0].content, before[0].pinned, before[0].reactions.length], ['edited', true, 1]);
  const found = again.ready.groups.find(({ id }) => id === own.groupId);
  assert.deepEqual([found.me.roles, found.me.nickname, found.memberCount], [['moderator'], 'Bee', 2]);
  assert.deepEqual(again.ready.directChannels.map(({ id }) => id), [direct.id]);
  assert.equal(again.ready.readStates.find((state) => state.channelId === own.channelId).lastReadId, message.id);
  assert.equal((await again.ok('ban:list', { groupId: own.groupId })).bans[0].reason, 'because');
  assert.equal((await again.ok('invite:get', { code: own.invite.code })).group.id, own.groupId);
});

test('tokens survive a restart, an ended session stays ended', async () => {
  const person = await vt.person();
  const second = await login(vt.server, person);
  await vt.http('POST', '/api/v1/auth/logout', { token: second.accessToken });
  await vt.server.restart('SIGKILL');
  assert.equal((await vt.http('GET', '/api/v1/users/me', { token: person.accessToken })).status, 200);
  assert.equal((await vt.http('GET', '/api/v1/users/me', { token: second.accessToken })).status, 401);
  assert.equal((await vt.http('POST', '/api/v1/auth/refresh', { body: { refreshToken: person.refreshToken } })).status, 200);
});

test('SIGTERM: clients are told, nothing acked is lost, they come back, and the exit code is 0', async () => {
  const [client, polling] = [await vt.connect(owner.person, { reconnect: true }), await vt.connect(member.person, { reconnect: true, transport: 'polling' })];
  const { id } = await client.ok('group:create', { name: 'drain' }).then(({ channels }) => channels[0]);
  const sending = (async () => {
    const acked = [];
    for (let number = 0; number < 300; number += 1) acked.push((await persist(client, id, `drain ${number}`)).id);
    return acked;
  })();
  await client.next('message:created', ({ content }) => content === 'drain 20');
  client.forget();
  polling.forget();
  const draining = [client, polling].map((each) => each.next('server:draining', undefined, 30_000));
  const exit = vt.server.kill('SIGTERM', 60_000);
  for (const { reconnectInMs } of await Promise.all(draining)) assert.ok(reconnectInMs >= 0 && reconnectInMs < 60_000);
  const { code, tookMs } = await exit;
  assert.equal(code, 0);
  assert.ok(tookMs < 40_000, `${tookMs} ms`);
  await vt.server.start();
  const acked = await sending;
  await polling.isReady(30_000);
  assert.deepEqual((await history(client, id)).map((message) => message.id), acked);
});

test('a drained client sees a transport that closed, so that it reconnects by itself', async () => {
  const clients = [];
  for (const version of ['v2', 'v3', 'v4']) {
    for (const transport of ['websocket', 'polling']) clients.push(await vt.connect(member.person, { version, transport, reconnect: true }));
  }
  await vt.server.restart('SIGTERM');
  await Promise.all(clients.map((client) => client.isReady(30_000)));
  for (const client of clients) {
    assert.ok(client.disconnects.every((reason) => reason !== 'io server disconnect'), `${client.version} ${client.disconnects}`);
    client.close();
  }
});

test('a draining node closes each connection when it said it would, and the exit waits for no one who has gone', async () => {
  const server = await startServer({ set: { 'drain.seconds': 4 } });
  const person = await register(server);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => rawSocket(server, person.accessToken)));
  const ends = sockets.map(async (raw) => {
    const told = await raw.has('42["server:draining"', 30_000);
    const toldAt = performance.now();
    await raw.closed;
    return [JSON.parse(told.slice(2))[1].reconnectInMs, performance.now() - toldAt];
  });
  const { code, tookMs } = await server.kill('SIGTERM', 60_000);
  assert.equal(code, 0);
  assert.ok(tookMs < 9_000, `${tookMs} ms`);
  const times = await Promise.all(ends);
  for (const [told, took] of times) assert.ok(Math.abs(took - told) < 1000, `told ${told} ms, closed after ${took} ms`);
  const told = times.map(([reconnectInMs]) => reconnectInMs);
  assert.ok(Math.max(...told) - Math.min(...told) > 2000, `${told}`);
  await server.stop();
});

test('while draining a node is unready and turns new connections away with 503 and Retry-After', async () => {
  const server = await startServer();
  const person = await register(server);
  // Somebody whose connection has to be drained, so that the node does not just end.
  const client = await connect(server.url, person.accessToken);
  const exit = server.kill('SIGTERM', 60_000);
  await client.next('server:draining', undefined, 30_000);
  const answers = [];
  while (server.alive() && answers.length < 50) {
    const answer = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`).catch(() => undefined);
    if (answer) answers.push(answer);
    const ready = await fetch(`${server.url}/readyz`).catch(() => undefined);
    if (ready) assert.equal(ready.status, 503);
  }
  for (const answer of answers) {
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers.get('retry-after')) >= 0 && answer.headers.has('retry-after'));
  }
  assert.equal((await exit).code, 0);
  client.close();
  await server.stop();
});

test('a second process on one data folder ends with a clear error, and the first goes on', { skip: sharedStore && 'of the file' }, async () => {
  const arguments_ = ['serve', '--listen', '127.0.0.1:0', '--set', 'metrics.listen=127.0.0.1:0', '--data-dir', vt.server.dataDir];
  const { code, output } = await runBinary(arguments_);
  assert.notEqual(code, 0);
  assert.match(output, /in use|already|another|locked/i);
  assert.doesNotMatch(output, /panicked/);
  const person = await vt.person();
  assert.equal((await vt.http('GET', '/api/v1/users/me', { token: person.accessToken })).status, 200);
});

test('secrets in the data folder are for its owner only', { skip: sharedStore && 'of the file' }, async () => {
  const { readdir } = await import('node:fs/promises');
  const entries = await readdir(vt.server.dataDir, { recursive: true, withFileTypes: true });
  const secrets = entries.filter((entry) => entry.isFile() && /secret|key/i.test(entry.name));
  assert.ok(secrets.length > 0, entries.map(({ name }) => name).join());
  for (const entry of secrets) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    assert.equal((await stat(file)).mode & 0o777, 0o600, file);
    assert.ok((await readFile(file)).length >= 32, file);
  }
});

test('an operator runs the official group', async () => {
  const person = await vt.person();
  const promote = (name) => runBinary(['user', 'promote', name, ...vt.server.dataArguments()]);
  // Beside the running server, which may take half a minute to notice: a new start knows at once.
  const promoted = await promote(person.username.toUpperCase());
  assert.equal(promoted.code, 0, promoted.output);
  assert.notEqual((await promote('nobody-of-that-name')).code, 0);
  assert.equal((await vt.http('GET', '/readyz')).status, 200);
  await vt.server.restart('SIGKILL');
  const client = await vt.connect(person);
  const { groupId } = official(client);
  const channel = await client.ok('channel:create', { groupId, name: 'news', type: 'announcement' });
  await client.say(channel.id, 'welcome');
  const [ordinary] = await vt.people(1);
  await ordinary.refused('message:create', { channelId: channel.id, content: 'x' }, 'forbidden');
  await client.ok('member:ban', { groupId, userId: ordinary.id });
  await ordinary.refused('message:list', { channelId: channel.id }, 'channel_not_found');
  await client.ok('member:unban', { groupId, userId: ordinary.id });
  await ordinary.ok('message:list', { channelId: channel.id });
});
