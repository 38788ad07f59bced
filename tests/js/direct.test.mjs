/** Direct channels of 2 to 10 people. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bits } from './lib/contract.mjs';
import { suite, unusedId } from './lib/suite.mjs';

const vt = await suite();
const people = await vt.people(11);
const [ada, bob, eve] = people;
const ids = (...clients) => clients.map(({ id }) => id);
const sorted = (list) => [...list].sort();

test('a direct channel tells its people and their permissions', async () => {
  const channel = await ada.ok('direct:open', { userIds: [bob.id] });
  assert.deepEqual([channel.type, channel.groupId], ['direct', undefined]);
  assert.deepEqual(sorted(ids(...channel.recipients)).includes(bob.id), true);
  assert.equal(Number(channel.permissions) & (bits.view + bits.send + bits.react), bits.view + bits.send + bits.react);
  assert.equal(Number(channel.permissions) & (bits.manageChannels + bits.manageGroup + bits.manageMembers + bits.invite), 0);
  for (const client of [ada, bob]) await client.next('channel:created', ({ id }) => id === channel.id);
  await vt.fence(eve);
  assert.deepEqual(eve.seen('channel:created'), []);
  const message = await ada.say(channel.id, 'psst');
  assert.equal(message.groupId, undefined);
  await bob.next('message:created', ({ id }) => id === message.id);
  await vt.fence(eve);
  assert.deepEqual(eve.seen('message:created', ({ channelId }) => channelId === channel.id), []);
  await eve.refused('message:list', { channelId: channel.id }, 'channel_not_found');
});

test('the same people give the same channel, whoever asks and in whatever order', async () => {
  const [a, b, c] = people.slice(3, 6);
  const first = await a.ok('direct:open', { userIds: ids(b, c) });
  for (const [client, others] of [[a, [c, b]], [b, [a, c]], [c, [b, a]], [c, [b, a, b, c]]]) {
    assert.equal((await client.ok('direct:open', { userIds: ids(...others) })).id, first.id);
  }
  assert.notEqual((await a.ok('direct:open', { userIds: ids(b) })).id, first.id);
});

test('concurrent opens give one channel', async () => {
  const [a, b] = people.slice(6, 8);
  const opened = await Promise.all(Array.from({ length: 20 }, (_, index) =>
    (index % 2 ? a : b).ok('direct:open', { userIds: ids(index % 2 ? b : a) })));
  assert.equal(new Set(ids(...opened)).size, 1);
  await vt.fence(a, b);
  for (const client of [a, b]) assert.equal(client.seen('channel:created', ({ id }) => id === opened[0].id).length, 1);
  const { ready } = await vt.connect(a.person);
  assert.equal(ready.directChannels.filter(({ id }) => id === opened[0].id).length, 1);
});

test('ten people are the most; nobody else and unknown people are refused', async () => {
  await ada.ok('direct:open', { userIds: ids(...people.slice(1, 10)) });
  await ada.refused('direct:open', { userIds: ids(...people.slice(1, 11)) }, ['invalid_request', 'too_large']);
  for (const userIds of [[], [ada.id], [ada.id, ada.id], null, undefined, bob.id, [7], ['x']]) {
    await ada.refused('direct:open', { userIds }, 'invalid_request');
  }
  await ada.refused('direct:open', { userIds: [unusedId()] }, 'user_not_found');
  await ada.refused('direct:open', { userIds: [bob.id, unusedId()] }, 'user_not_found');
});

test('what is sent right after opening reaches the others on all of their devices', async () => {
  const [a, b] = people.slice(8, 10);
  const device = await vt.device(b.person, { transport: 'polling' });
  const { id } = await a.ok('direct:open', { userIds: [b.id] });
  const message = await a.say(id, 'at once');
  for (const client of [b, device]) await client.next('message:created', (push) => push.id === message.id);
});

test('nobody changes or deletes a direct channel', async () => {
  const { id: channelId } = await ada.ok('direct:open', { userIds: [bob.id] });
  await ada.refused('channel:update', { channelId, name: 'ours' }, 'forbidden');
  await ada.refused('channel:delete', { channelId }, 'forbidden');
});

test('each deletes only own messages in a direct channel', async () => {
  const { id: channelId } = await ada.ok('direct:open', { userIds: [bob.id] });
  const { id: messageId } = await ada.say(channelId, 'mine');
  await bob.refused('message:delete', { channelId, messageId }, 'forbidden');
  await ada.ok('message:delete', { channelId, messageId });
});
