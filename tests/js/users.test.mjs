/** Profiles, search and presence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { login } from './lib/people.mjs';
import { suite, unusedId } from './lib/suite.mjs';

const vt = await suite();
const [ada, bob, eve] = await vt.people(3);

/** The next state of a person in the batches of this client. */
async function presence(client, userId, fits, timeoutMs) {
  const has = (batch) => batch.some((item) => item.userId === userId && fits(item));
  const batch = await client.next('presence:changed', has, timeoutMs);
  return batch.find((item) => item.userId === userId && fits(item));
}

test('a profile changes for the own devices and for those who watch', async () => {
  const device = await vt.connect(ada.person);
  await bob.ok('presence:watch', { userIds: [ada.id] });
  const user = await ada.ok('user:update', { displayName: ' Ada L. ', avatar: 'https://example.org/ada.png' });
  assert.deepEqual(user, { ...ada.person.user, displayName: ' Ada L. ', avatar: 'https://example.org/ada.png' });
  for (const client of [ada, device, bob]) assert.deepEqual(await client.next('user:updated', ({ id }) => id === ada.id), user);
  await vt.fence(eve);
  assert.deepEqual(eve.seen('user:updated'), []);
  assert.deepEqual((await vt.connect(ada.person)).ready.user, user);
});

test('absent fields stay, null removes the avatar only', async () => {
  const user = await ada.ok('user:update', { displayName: 'Ada', avatar: 'https://example.org/a.png' });
  assert.deepEqual(await ada.ok('user:update', {}), user);
  assert.deepEqual(await ada.ok('user:update', { displayName: null, avatar: null }), { ...user, avatar: null });
  assert.equal((await ada.ok('user:update', { displayName: '👍'.repeat(64) })).displayName, '👍'.repeat(64));
  await ada.refused('user:update', { displayName: 'x'.repeat(65) }, 'too_large');
  await ada.refused('user:update', { avatar: `https://example.org/${'x'.repeat(281)}` }, 'too_large');
  for (const displayName of ['', '  ', 7, []]) await ada.refused('user:update', { displayName }, 'invalid_request');
  for (const avatar of ['http://example.org/', 'javascript:1', 7]) await ada.refused('user:update', { avatar }, 'invalid_request');
});

test('messages carry the author as it is', async () => {
  await eve.ok('user:update', { displayName: 'Eve the First' });
  const { id } = await bob.ok('direct:open', { userIds: [eve.id] });
  assert.equal((await eve.say(id, 'hi')).author.displayName, 'Eve the First');
});

test('search finds starts of user names and of words of display names, without case', async () => {
  const person = await vt.person('Searchable');
  const client = await vt.connect(person);
  await client.ok('user:update', { displayName: 'Ünïque Näme' });
  const find = async (query, limit) => (await bob.ok('user:search', { query, limit })).users.map(({ id }) => id);
  assert.deepEqual(await find(person.username), [person.id]);
  assert.deepEqual(await find(person.username.toLowerCase()), [person.id]);
  assert.deepEqual(await find('ÜNÏQUE n'), [person.id]);
  assert.deepEqual(await find('näme'), [person.id]);
  assert.deepEqual(await find('äme'), []);
  assert.deepEqual(await find('%'), []);
  assert.ok((await find('p', 1)).length <= 1);
  for (const limit of [0, 51, 'x']) await bob.refused('user:search', { query: 'a', limit }, ['invalid_request', 'too_large']);
  await bob.refused('user:search', { query: '' }, 'invalid_request');
  await bob.refused('user:search', { query: 'x'.repeat(65) }, 'too_large');
});

test('watching answers the presences, and pushes what changes, in batches', async () => {
  const person = await vt.person();
  const { presences } = await bob.ok('presence:watch', { userIds: [ada.id, person.id] });
  const state = (id) => presences.find(({ userId }) => userId === id);
  assert.deepEqual([state(ada.id).status, state(person.id)?.status ?? 'offline'], ['online', 'offline']);
  const client = await vt.connect(person);
  await presence(bob, person.id, ({ status }) => status === 'online');
  await client.ok('presence:update', { status: 'dnd', text: 'in a meeting' });
  assert.equal((await presence(bob, person.id, ({ status }) => status === 'dnd')).text, 'in a meeting');
  await presence(client, person.id, ({ status }) => status === 'dnd');
  await client.ok('presence:update', { status: 'idle' });
  await presence(bob, person.id, ({ status }) => status === 'idle');
});

for (const transport of ['websocket', 'polling']) {
  test(`offline is announced within 5 s after the last socket is gone (${transport})`, async () => {
    const person = await vt.person();
    const devices = [await vt.connect(person, { transport }), await vt.connect(await login(vt.server, person), { transport })];
    await bob.ok('presence:watch', { userIds: [person.id] });
    devices[0].close();
    await vt.fence(bob);
    devices[1].close();
    const closedAt = performance.now();
    await presence(bob, person.id, ({ status }) => status === 'offline', 8000);
    assert.ok(performance.now() - closedAt < 5500, `${performance.now() - closedAt} ms`);
    const offline = bob.seen('presence:changed').flat().filter(({ userId, status }) => userId === person.id && status === 'offline');
    assert.equal(offline.length, 1, 'one of two devices is not the last');
  });
}

test('invisible looks offline to everybody, the own sockets included', async () => {
  const person = await vt.person();
  const [client, device] = [await vt.connect(person), await vt.connect(person)];
  await bob.ok('presence:watch', { userIds: [person.id] });
  await client.ok('presence:update', { status: 'invisible', text: 'secret' });
  for (const watcher of [bob, device]) await presence(watcher, person.id, ({ status }) => status === 'offline');
  const { presences } = await eve.ok('presence:watch', { userIds: [person.id] });
  assert.deepEqual(presences.map(({ status, text }) => [status, text]), presences.map(() => ['offline', '']));
  const all = [bob, device, eve].flatMap((watcher) => watcher.seen('presence:changed').flat());
  assert.equal(JSON.stringify(all).includes('secret'), false);
});

test('status and text hold for the person, idle for one socket', async () => {
  const person = await vt.person();
  const [first, second] = [await vt.connect(person), await vt.connect(person, { transport: 'polling' })];
  const watcher = await vt.connect(await vt.person());
  await watcher.ok('presence:watch', { userIds: [person.id] });
  const becomes = async (status) => (await presence(watcher, person.id, (item) => item.status === status)).text;
  const isNow = async () => (await watcher.ok('presence:watch', { userIds: [person.id] })).presences[0].status;
  await first.ok('presence:update', { status: 'dnd', text: 'in a meeting' });
  assert.equal(await becomes('dnd'), 'in a meeting');
  await second.ok('presence:update', { status: 'online' });
  assert.equal(await becomes('online'), 'in a meeting');
  await first.ok('presence:update', { status: 'idle' });
  assert.equal(await isNow(), 'online', 'one of two sockets is idle');
  await second.ok('presence:update', { status: 'idle' });
  assert.equal(await becomes('idle'), 'in a meeting');
  await first.ok('presence:update', { status: 'online', text: '' });
  assert.equal(await becomes('online'), '');
});

test('idle does not end invisible', async () => {
  const person = await vt.person();
  const client = await vt.connect(person);
  await client.ok('presence:update', { status: 'invisible' });
  await client.ok('presence:update', { status: 'idle' });
  const { presences } = await eve.ok('presence:watch', { userIds: [person.id] });
  assert.ok(presences.every(({ status }) => status === 'offline'), JSON.stringify(presences));
});

test('whoever comes back soon has the status and text of before', async () => {
  const person = await vt.person();
  const client = await vt.connect(person);
  const watcher = await vt.connect(await vt.person());
  await client.ok('presence:update', { status: 'dnd', text: 'back soon' });
  await watcher.ok('presence:watch', { userIds: [person.id] });
  client.close();
  await presence(watcher, person.id, ({ status }) => status === 'offline');
  watcher.forget();
  await vt.connect(person);
  assert.equal((await presence(watcher, person.id, ({ status }) => status !== 'offline')).status, 'dnd');
  assert.equal((await watcher.ok('presence:watch', { userIds: [person.id] })).presences[0].text, 'back soon');
});

test('a list replaces the earlier one', async () => {
  const [first, second] = await vt.people(2);
  await eve.ok('presence:watch', { userIds: [first.id] });
  await eve.ok('presence:watch', { userIds: [second.id] });
  await first.ok('presence:update', { status: 'dnd' });
  await second.ok('presence:update', { status: 'dnd' });
  await presence(eve, second.id, ({ status }) => status === 'dnd');
  assert.equal(eve.seen('presence:changed').flat().some(({ userId, status }) => userId === first.id && status === 'dnd'), false);
  assert.deepEqual((await eve.ok('presence:watch', { userIds: [] })).presences, []);
});

test('limits and values', async () => {
  await eve.ok('presence:update', { status: 'online', text: '👍'.repeat(128) });
  await eve.refused('presence:update', { status: 'online', text: 'x'.repeat(129) }, 'too_large');
  for (const status of ['offline', 'away', '', 7, null, undefined]) await eve.refused('presence:update', { status }, 'invalid_request');
  const many = Array.from({ length: 500 }, unusedId);
  await eve.ok('presence:watch', { userIds: many });
  await eve.refused('presence:watch', { userIds: [...many, unusedId()] }, ['too_large', 'invalid_request']);
  for (const userIds of [null, undefined, 'x', [7], ['x'], {}]) await eve.refused('presence:watch', { userIds }, 'invalid_request');
});
