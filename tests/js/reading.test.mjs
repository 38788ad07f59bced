/** Typing, read states and mentions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGroup, official, promote, suite, unusedId } from './lib/suite.mjs';

const vt = await suite();
const [owner, member, stranger] = await vt.people(3);
const { groupId, channelId } = await makeGroup(owner, member);

/** A channel with its own counts. */
const newChannel = () => owner.ok('channel:create', { groupId, name: 'reading' });

/** What a fresh connection is told about a channel. */
async function stateAtConnect(person, id) {
  const client = await vt.connect(person);
  client.close();
  return client.ready.readStates.find((state) => state.channelId === id);
}

test('typing reaches those who see the channel, and no stranger', async () => {
  await member.ok('typing:start', { channelId });
  assert.deepEqual(await owner.next('typing:started'), { channelId, userId: member.id });
  await vt.fence(stranger);
  assert.deepEqual(stranger.seen('typing:started'), []);
});

test('typing in an announcement channel needs the right to send', async () => {
  const { id } = await owner.ok('channel:create', { groupId, name: 'news', type: 'announcement' });
  await member.refused('typing:start', { channelId: id }, 'forbidden');
});

test('reading is told to all devices of the person and nobody else', async () => {
  const { id } = await newChannel();
  const message = await owner.say(id, 'to read');
  const device = await vt.device(member.person);
  const state = await member.ok('channel:read', { channelId: id, messageId: message.id });
  assert.deepEqual(state, { channelId: id, lastReadId: message.id, mentionCount: 0 });
  for (const client of [member, device]) assert.deepEqual(await client.next('readState:updated', (push) => push.channelId === id), state);
  await vt.fence(owner);
  assert.deepEqual(owner.seen('readState:updated', (push) => push.channelId === id), []);
  assert.deepEqual(await stateAtConnect(member.person, id), state);
});

test('reading may go backwards, to ids that do not exist, and to "0"', async () => {
  const { id } = await newChannel();
  const messages = [await owner.say(id, '1'), await owner.say(id, '2')];
  for (const messageId of [messages[1].id, messages[0].id, unusedId(), '0']) {
    const state = await member.ok('channel:read', { channelId: id, messageId });
    assert.ok(state.lastReadId === messageId || (messageId === '0' && state.lastReadId === null), JSON.stringify(state));
  }
  for (const messageId of ['-1', 'x', 5, null, undefined]) await member.refused('channel:read', { channelId: id, messageId }, 'invalid_request');
});

test('what one sends from any client is not unread, and marks nobody else\'s messages read', async () => {
  const { id } = await newChannel();
  const lastRead = async () => (await stateAtConnect(member.person, id))?.lastReadId;
  // A bot of theirs that marks nothing, in a channel that they never opened.
  const bot = await vt.device(member.person);
  const first = await bot.say(id, 'from my bot');
  const own = await bot.say(id, 'once more');
  assert.equal(await lastRead(), own.id);
  const theirs = await owner.say(id, 'who is there?');
  await bot.say(id, 'beep');
  assert.equal(await lastRead(), own.id, 'what the owner sent has not been read');
  await member.ok('channel:read', { channelId: id, messageId: theirs.id });
  const last = await bot.say(id, 'boop');
  assert.equal(await lastRead(), last.id);
  // Set back, it stays where it was set, also behind own messages.
  for (const messageId of [theirs.id, first.id]) {
    assert.equal((await member.ok('channel:read', { channelId: id, messageId })).lastReadId, messageId);
    assert.equal(await lastRead(), messageId);
  }
  await bot.ok('message:delete', { channelId: id, messageId: last.id });
  assert.equal(await lastRead(), first.id);
});

test('a mention is counted and pushed until it is read, and again when marked unread', async () => {
  const { id } = await newChannel();
  const before = await owner.say(id, 'no mention');
  const first = await owner.say(id, `hey <@${member.id}>`);
  assert.deepEqual([first.mentions, first.mentionsEveryone], [[member.id], false]);
  assert.equal((await member.next('readState:updated', (state) => state.channelId === id)).mentionCount, 1);
  const second = await owner.say(id, `<@${member.id}> and <@${member.id}> again`);
  assert.deepEqual(second.mentions, [member.id]);
  assert.equal((await member.next('readState:updated', (state) => state.channelId === id)).mentionCount, 2);
  assert.equal((await stateAtConnect(member.person, id)).mentionCount, 2);
  assert.equal((await member.ok('channel:read', { channelId: id, messageId: first.id })).mentionCount, 1);
  assert.equal((await member.ok('channel:read', { channelId: id, messageId: second.id })).mentionCount, 0);
  assert.equal((await member.ok('channel:read', { channelId: id, messageId: before.id })).mentionCount, 2);
  assert.equal((await member.ok('channel:read', { channelId: id, messageId: '0' })).mentionCount, 2);
});

test('own mentions and deleted messages are not counted', async () => {
  const { id } = await newChannel();
  await member.say(id, `me: <@${member.id}>`);
  const doomed = await owner.say(id, `<@${member.id}>`);
  await owner.say(id, `<@${member.id}> stays`);
  await owner.ok('message:delete', { channelId: id, messageId: doomed.id });
  assert.equal((await member.ok('channel:read', { channelId: id, messageId: '0' })).mentionCount, 1);
});

test('a mention counts only for somebody who can see the channel', async () => {
  const { id } = await newChannel();
  const message = await owner.say(id, `<@${stranger.id}> <@${unusedId()}> <@abc> <@${member.id}>`);
  assert.deepEqual(message.mentions, [member.id]);
  await vt.fence(stranger);
  assert.deepEqual(stranger.seen('readState:updated', (state) => state.channelId === id), []);
});

test('@everyone needs its bit', async () => {
  const { id } = await newChannel();
  const weak = await member.say(id, 'hello @everyone');
  assert.equal(weak.mentionsEveryone, false);
  await promote(owner, groupId, member, 'moderator');
  const strong = await member.say(id, 'hello @everyone');
  await promote(owner, groupId, member);
  assert.equal(strong.mentionsEveryone, true);
  assert.equal((await owner.next('readState:updated', (state) => state.channelId === id)).mentionCount, 1);
  assert.equal((await owner.ok('channel:read', { channelId: id, messageId: '0' })).mentionCount, 1);
});

test('@everyone in the official group stays text for members', async () => {
  const message = await member.say(official(member).channelId, '@everyone look');
  assert.equal(message.mentionsEveryone, false);
});

test('an edit changes the mentions', async () => {
  const { id } = await newChannel();
  const message = await owner.say(id, 'nobody');
  const edited = await owner.ok('message:update', { channelId: id, messageId: message.id, content: `<@${member.id}>` });
  assert.deepEqual(edited.mentions, [member.id]);
});

test('a mention in a direct channel is counted too', async () => {
  const { id } = await owner.ok('direct:open', { userIds: [member.id] });
  await owner.say(id, `<@${member.id}> and <@${stranger.id}>`);
  assert.equal((await member.next('readState:updated', (state) => state.channelId === id)).mentionCount, 1);
});
