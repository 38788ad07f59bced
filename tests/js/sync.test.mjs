/** session:sync after a gap: nothing is missing, and what may be missing is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGroup, suite, unusedId } from './lib/suite.mjs';

const vt = await suite();
const [owner, member, stranger] = await vt.people(3);
const { groupId, channelId } = await makeGroup(owner, member);
const newChannel = () => owner.ok('channel:create', { groupId, name: 'sync' });

/** The messages of a sync without those that it may repeat. */
function newer({ messages }, cursor) {
  return messages.filter(({ id }) => BigInt(id) > BigInt(cursor)).map(({ content }) => content);
}

test('after a cut the missed messages come, newest first', async () => {
  const client = await vt.connect(member.person);
  const { serverTime } = client.ready;
  const seen = await owner.say(channelId, 'seen');
  client.cut();
  await client.ended();
  for (const text of ['one', 'two', 'three']) await owner.say(channelId, text);
  const back = await vt.connect(member.person);
  const sync = await back.ok('session:sync', { channels: { [channelId]: seen.id }, since: serverTime });
  assert.equal(sync.channels[channelId].complete, true);
  assert.deepEqual(newer(sync.channels[channelId], seen.id), ['three', 'two', 'one']);
  const ids = sync.channels[channelId].messages.map(({ id }) => BigInt(id));
  assert.deepEqual(ids, [...ids].sort((a, b) => (a > b ? -1 : 1)));
  assert.ok(sync.serverTime > serverTime);
});

test('what it repeats is at most 5 s old at the cursor', async () => {
  const { id } = await newChannel();
  const first = await owner.say(id, 'first');
  const last = await owner.say(id, 'last');
  const { channels } = await member.ok('session:sync', { channels: { [id]: last.id }, since: member.ready.serverTime });
  assert.deepEqual(newer(channels[id], last.id), []);
  for (const message of channels[id].messages) assert.ok(Date.parse(last.createdAt) - Date.parse(message.createdAt) <= 5000);
  assert.ok(channels[id].messages.every((message) => [first.id, last.id].includes(message.id)));
  assert.equal(channels[id].complete, true);
});

test('every kind of change since then is told', async () => {
  const { id } = await newChannel();
  const { serverTime } = await member.ok('session:sync', { channels: {}, since: member.ready.serverTime });
  const messages = [];
  for (const text of ['a', 'b', 'c', 'd']) messages.push(await owner.say(id, text));
  const [edited, deleted, reacted, pinned] = messages.map((message) => ({ channelId: id, messageId: message.id }));
  await owner.ok('message:update', { ...edited, content: 'edited' });
  await owner.ok('message:delete', deleted);
  await owner.ok('reaction:add', { ...reacted, emoji: '👍' });
  await owner.ok('reaction:remove', { ...reacted, emoji: '👍' });
  await owner.ok('pin:add', pinned);
  await owner.ok('pin:remove', pinned);
  const { changed, channels } = await member.ok('session:sync', { channels: { [id]: messages.at(-1).id }, since: serverTime });
  const expected = [[edited, 'updated'], [deleted, 'deleted'], [reacted, 'reaction_added'], [reacted, 'reaction_removed'], [pinned, 'pinned'], [pinned, 'unpinned']];
  for (const [ref, kind] of expected) {
    assert.ok(changed.some((change) => change.messageId === ref.messageId && change.kind === kind && change.channelId === id), `${kind} is missing: ${JSON.stringify(changed)}`);
  }
  assert.equal(channels[id].complete, true);
});

test('changes name only channels of the request', async () => {
  const [asked, unasked] = [await newChannel(), await newChannel()];
  const since = member.ready.serverTime;
  const message = await owner.say(unasked.id, 'x');
  await owner.ok('message:update', { channelId: unasked.id, messageId: message.id, content: 'y' });
  const { changed, channels } = await member.ok('session:sync', { channels: { [asked.id]: '0' }, since });
  assert.deepEqual(changed.filter((change) => change.channelId !== asked.id), []);
  assert.deepEqual(Object.keys(channels), [asked.id]);
});

test('200 missed messages come in full; far more are not complete', async () => {
  const { id } = await newChannel();
  const start = await owner.say(id, 'start');
  await Promise.all(Array.from({ length: 200 }, (_, index) => owner.say(id, `m${index}`)));
  const sync = async () => (await member.ok('session:sync', { channels: { [id]: start.id }, since: member.ready.serverTime })).channels[id];
  const full = await sync();
  assert.equal(full.complete, true);
  assert.equal(newer(full, start.id).length, 200);
  await Promise.all(Array.from({ length: 800 }, (_, index) => owner.say(id, `n${index}`)));
  const partial = await sync();
  assert.equal(partial.complete, false);
  const { messages } = await member.ok('message:list', { channelId: id, limit: 100 });
  assert.deepEqual(partial.messages.slice(0, 100).map((message) => message.id), messages.slice(0, partial.messages.length).map((message) => message.id));
});

test('a cursor of "0" means everything', async () => {
  const { id } = await newChannel();
  const sent = [await owner.say(id, 'a'), await owner.say(id, 'b')];
  const { channels } = await member.ok('session:sync', { channels: { [id]: '0' }, since: member.ready.serverTime });
  assert.deepEqual(channels[id], { messages: channels[id].messages, complete: true });
  assert.deepEqual(channels[id].messages.map((message) => message.id), [sent[1].id, sent[0].id]);
});

test('a `since` older than 7 days is not complete', async () => {
  const { id } = await newChannel();
  await owner.say(id, 'x');
  const since = new Date(Date.now() - 8 * 86_400_000).toISOString();
  const { channels } = await member.ok('session:sync', { channels: { [id]: '0' }, since });
  assert.equal(channels[id].complete, false);
});

test('channels that cannot be seen are left out, as those that do not exist', async () => {
  const { id } = await newChannel();
  const message = await owner.say(id, 'secret');
  await owner.ok('message:update', { channelId: id, messageId: message.id, content: 'still secret' });
  const unknown = unusedId();
  const sync = await stranger.ok('session:sync', { channels: { [id]: '0', [unknown]: '0' }, since: stranger.ready.serverTime });
  assert.deepEqual([sync.channels, sync.changed], [{}, []]);
});

test('direct channels sync too', async () => {
  const { id } = await owner.ok('direct:open', { userIds: [member.id] });
  await owner.say(id, 'missed');
  const { channels } = await member.ok('session:sync', { channels: { [id]: '0' }, since: member.ready.serverTime });
  assert.deepEqual(channels[id].messages.map(({ content }) => content), ['missed']);
});

test('at most 1000 channels, and only what is well-formed', async () => {
  const since = new Date().toISOString();
  const channels = (count) => Object.fromEntries(Array.from({ length: count }, (_, index) => [String(BigInt(unusedId()) + BigInt(index * 4_000_000)), '0']));
  assert.deepEqual((await member.ok('session:sync', { channels: channels(1000), since })).channels, {});
  await member.refused('session:sync', { channels: channels(1001), since }, 'too_large');
  for (const payload of [
    {}, { since }, { channels: {} }, { channels: [], since }, { channels: 'all', since }, { channels: { [channelId]: 7 }, since },
    { channels: { [channelId]: 'x' }, since }, { channels: {}, since: 'yesterday' }, { channels: {}, since: 7 },
  ]) await member.refused('session:sync', payload, 'invalid_request');
});

test('the time of the answer is the next `since`', async () => {
  const { id } = await newChannel();
  const first = await member.ok('session:sync', { channels: { [id]: '0' }, since: member.ready.serverTime });
  const message = await owner.say(id, 'between');
  await owner.ok('message:delete', { channelId: id, messageId: message.id });
  const second = await member.ok('session:sync', { channels: { [id]: '0' }, since: first.serverTime });
  assert.ok(second.changed.some(({ messageId, kind }) => messageId === message.id && kind === 'deleted'));
});
