/** Reactions and pins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGroup, promote, suite } from './lib/suite.mjs';

const vt = await suite();
const people = await vt.people(4);
const [owner, member, other] = people;
const { groupId, channelId } = await makeGroup(owner, ...people.slice(1));

const about = (messageId) => (payload) => payload.messageId === messageId;

test('a reaction is announced once, counted for each reader, and listed', async () => {
  const { id: messageId } = await owner.say(channelId, 'react');
  const payload = { channelId, messageId, emoji: '👍' };
  await member.ok('reaction:add', payload);
  await member.ok('reaction:add', payload);
  await other.ok('reaction:add', payload);
  await vt.fence(owner);
  assert.deepEqual(owner.seen('reaction:added', about(messageId)), [{ ...payload, userId: member.id }, { ...payload, userId: other.id }]);
  const { messages: [message] } = await other.ok('message:list', { channelId, around: messageId, limit: 1 });
  assert.deepEqual(message.reactions, [{ emoji: '👍', count: 2, me: true }]);
  const { users, hasMore } = await owner.ok('reaction:list', payload);
  assert.deepEqual([users.map(({ id }) => id), hasMore], [[member.id, other.id], false]);
});

test('removing one that is not there is ok and announces nothing', async () => {
  const { id: messageId } = await owner.say(channelId, 'remove');
  const payload = { channelId, messageId, emoji: '👎' };
  await member.ok('reaction:remove', payload);
  await member.ok('reaction:add', payload);
  await member.ok('reaction:remove', payload);
  await member.ok('reaction:remove', payload);
  await vt.fence(owner);
  assert.deepEqual(owner.seen('reaction:removed', about(messageId)), [{ ...payload, userId: member.id }]);
  const { messages: [message] } = await owner.ok('message:list', { channelId, around: messageId, limit: 1 });
  assert.deepEqual(message.reactions, []);
});

test('an emoji is any text of 1 to 64 characters, and different texts are different', async () => {
  const { id: messageId } = await owner.say(channelId, 'emoji');
  const emojis = ['👍', '👍🏽', ':custom:', ' ', 'a/b?c#d%', '👩‍👩‍👧', 'x'.repeat(64), '👍'.repeat(64)];
  for (const emoji of emojis) await member.ok('reaction:add', { channelId, messageId, emoji });
  const { messages: [message] } = await owner.ok('message:list', { channelId, around: messageId, limit: 1 });
  assert.deepEqual(message.reactions.map(({ emoji }) => emoji).sort(), [...emojis].sort());
  for (const event of ['reaction:add', 'reaction:remove', 'reaction:list']) {
    await member.refused(event, { channelId, messageId, emoji: '' }, 'invalid_request');
    await member.refused(event, { channelId, messageId, emoji: 'x'.repeat(65) }, 'too_large');
  }
});

test('who reacted comes in pages ordered by user id', async () => {
  const { id: messageId } = await owner.say(channelId, 'everybody');
  const payload = { channelId, messageId, emoji: '🎉' };
  for (const person of [...people].reverse()) await person.ok('reaction:add', payload);
  const ids = people.map(({ id }) => id).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  const page = async (more) => {
    const { users, hasMore } = await owner.ok('reaction:list', { ...payload, ...more });
    return [users.map(({ id }) => id), hasMore];
  };
  assert.deepEqual(await page({ limit: 3 }), [ids.slice(0, 3), true]);
  assert.deepEqual(await page({ after: ids[2], limit: 3 }), [ids.slice(3), false]);
  assert.deepEqual(await page({ after: '0' }), [ids, false]);
  for (const limit of [0, 101]) await owner.refused('reaction:list', { ...payload, limit }, ['invalid_request', 'too_large']);
});

test('a hundred reactions at once are all counted', async () => {
  const { id: messageId } = await owner.say(channelId, 'burst');
  const emojis = Array.from({ length: 10 }, (_, index) => `e${index}`);
  await Promise.all(people.flatMap((person) => emojis.map((emoji) => person.ok('reaction:add', { channelId, messageId, emoji }))));
  const { messages: [message] } = await owner.ok('message:list', { channelId, around: messageId, limit: 1 });
  assert.deepEqual(message.reactions.map(({ count, me }) => [count, me]), emojis.map(() => [people.length, true]));
});

test('pins are announced once and listed newest message first', async () => {
  const { id } = await owner.ok('channel:create', { groupId, name: 'pins' });
  const messages = [await member.say(id, 'a'), await member.say(id, 'b'), await member.say(id, 'c')];
  for (const index of [1, 0, 2, 1]) await owner.ok('pin:add', { channelId: id, messageId: messages[index].id });
  await owner.ok('pin:remove', { channelId: id, messageId: messages[2].id });
  await owner.ok('pin:remove', { channelId: id, messageId: messages[2].id });
  await vt.fence(member);
  const announced = (name) => member.seen(name, (payload) => payload.channelId === id).map(({ messageId }) => messageId);
  assert.deepEqual(announced('pin:added'), [messages[1].id, messages[0].id, messages[2].id]);
  assert.deepEqual(announced('pin:removed'), [messages[2].id]);
  const list = await member.ok('pin:list', { channelId: id });
  assert.deepEqual(list.messages.map(({ content, pinned }) => [content, pinned]), [['b', true], ['a', true]]);
  const older = await member.ok('pin:list', { channelId: id, before: list.messages[0].id });
  assert.deepEqual([older.messages.map(({ content }) => content), older.hasMore], [['a'], false]);
});

test('pinning needs manageMessages', async () => {
  const { id: messageId } = await member.say(channelId, 'my own');
  await member.refused('pin:add', { channelId, messageId }, 'forbidden');
  await promote(owner, groupId, member, 'moderator');
  await member.ok('pin:add', { channelId, messageId });
  await promote(owner, groupId, member);
  await member.refused('pin:remove', { channelId, messageId }, 'forbidden');
});

test('everybody in a direct channel pins', async () => {
  const channel = await member.ok('direct:open', { userIds: [other.id] });
  const { id: messageId } = await member.say(channel.id, 'pin me');
  await other.ok('pin:add', { channelId: channel.id, messageId });
  await member.ok('pin:remove', { channelId: channel.id, messageId });
});

test('a deleted message leaves the pins', async () => {
  const { id } = await owner.ok('channel:create', { groupId, name: 'pins' });
  const { id: messageId } = await owner.say(id, 'soon gone');
  await owner.ok('pin:add', { channelId: id, messageId });
  await owner.ok('message:delete', { channelId: id, messageId });
  assert.deepEqual((await owner.ok('pin:list', { channelId: id })).messages, []);
});

test('the 101st pin of a channel is a conflict, and a removed one makes room', async () => {
  const { id } = await owner.ok('channel:create', { groupId, name: 'many pins' });
  const messages = await Promise.all(Array.from({ length: 101 }, (_, index) => owner.say(id, `pin ${index}`)));
  await Promise.all(messages.slice(0, 100).map((message) => owner.ok('pin:add', { channelId: id, messageId: message.id })));
  await owner.refused('pin:add', { channelId: id, messageId: messages[100].id }, 'conflict');
  await owner.ok('pin:add', { channelId: id, messageId: messages[0].id });
  assert.equal((await owner.ok('pin:list', { channelId: id })).messages.length, 100);
  await owner.ok('pin:remove', { channelId: id, messageId: messages[0].id });
  await owner.ok('pin:add', { channelId: id, messageId: messages[100].id });
});

test('a hundred pins too many at once still leave a hundred', async () => {
  const { id } = await owner.ok('channel:create', { groupId, name: 'racing pins' });
  const messages = await Promise.all(Array.from({ length: 120 }, (_, index) => owner.say(id, `pin ${index}`)));
  const second = await vt.connect(owner.person);
  const answers = await Promise.all(messages.map((message, index) =>
    (index % 2 ? owner : second).request('pin:add', { channelId: id, messageId: message.id })));
  assert.equal(answers.filter(({ ok }) => ok).length, 100);
  assert.ok(answers.filter(({ ok }) => !ok).every(({ error }) => error.code === 'conflict'));
});
