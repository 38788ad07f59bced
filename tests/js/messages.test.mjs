/** Messages: content, nonces, replies, edits, deletes, pages, slow mode. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cut } from './lib/client.mjs';
import { makeGroup, promote, suite, unusedId } from './lib/suite.mjs';

const vt = await suite();
const [owner, member, other] = await vt.people(3);
const { groupId, channelId } = await makeGroup(owner, member, other);

/** A new channel, so that a test counts its own messages only. */
function newChannel(more = {}) {
  return owner.ok('channel:create', { groupId, name: 'a channel', ...more });
}

async function list(client, payload) {
  const page = await client.ok('message:list', payload);
  return { ...page, texts: page.messages.map(({ content }) => content) };
}

test('a message is acked and pushed whole to everybody who sees the channel, the sender included', async () => {
  const message = await owner.ok('message:create', { channelId, content: 'hello', nonce: 'n-1' });
  assert.equal(message.channelId, channelId);
  assert.equal(message.groupId, groupId);
  assert.equal(message.type, 'default');
  assert.equal(message.content, 'hello');
  assert.equal(message.nonce, 'n-1');
  assert.deepEqual(message.author, owner.person.user);
  assert.deepEqual([message.mentions, message.attachments, message.embeds, message.reactions], [[], [], [], []]);
  assert.deepEqual([message.mentionsEveryone, message.pinned], [false, false]);
  assert.equal(Number(BigInt(message.id) >> 21n), Date.parse(message.createdAt), 'the id holds the time');
  for (const client of [owner, member]) {
    assert.deepEqual(await client.next('message:created', ({ id }) => id === message.id), message);
  }
});

test('content is stored and returned exactly as sent', async () => {
  const contents = [' ', '\n\n', '\t', '\u3000', '\u0000', '  padded  ', '<b>&amp;</b>', '"quotes" \\ back', '𝄞 é e\u0301 👩‍👩‍👧', '\u202Ertl', 'null', '\u2028\u2029', '{"a":[1]}'];
  for (const content of contents) {
    const { id } = await owner.say(channelId, content);
    assert.equal((await member.next('message:created', (message) => message.id === id)).content, content);
    const { messages } = await list(member, { channelId, around: id, limit: 1 });
    assert.equal(messages[0].content, content, JSON.stringify(content));
  }
});

test('length counts Unicode scalar values: 4000 fit, 4001 are too_large', async () => {
  for (const character of ['a', 'é', '漢', '👍']) {
    const content = character.repeat(4000);
    const message = await owner.say(channelId, content);
    assert.equal(message.content, content);
    await owner.refused('message:create', { channelId, content: content + character }, 'too_large');
    await owner.refused('message:update', { channelId, messageId: message.id, content: content + character }, 'too_large');
  }
});

test('empty, missing or non-text content is invalid_request', async () => {
  const { id: messageId } = await owner.say(channelId, 'a message');
  for (const content of ['', null, undefined, 7, true, {}, ['a']]) {
    await owner.refused('message:create', { channelId, content }, 'invalid_request');
    await owner.refused('message:update', { channelId, messageId, content }, 'invalid_request');
  }
});

test('an unpaired surrogate is never stored as something else without a word', async () => {
  const client = await vt.connect(owner.person);
  const answer = await client.request('message:create', { channelId, content: 'half \ud83d' }).catch((cause) => {
    if (!(cause instanceof Cut)) throw cause;
  });
  if (answer) assert.equal(answer.error?.code, 'invalid_request', JSON.stringify(answer));
  await owner.say(channelId, 'the server goes on');
});

test('a non-empty list of attachments is attachment_not_found, an empty one is none', async () => {
  await owner.refused('message:create', { channelId, content: 'a file', attachmentIds: [unusedId()] }, 'attachment_not_found');
  await owner.ok('message:create', { channelId, content: 'no file', attachmentIds: [] });
  await owner.refused('message:create', { channelId, content: 'a file', attachmentIds: 'all' }, 'invalid_request');
});

test('a nonce makes a repetition answer the stored message, unannounced', async () => {
  const first = await owner.ok('message:create', { channelId, content: 'once', nonce: 'twice' });
  const again = await owner.ok('message:create', { channelId, content: 'something else', nonce: 'twice' });
  assert.equal(again.id, first.id);
  assert.equal(again.content, 'once');
  await vt.fence(owner, member);
  assert.equal(member.seen('message:created', ({ nonce }) => nonce === 'twice').length, 1);
});

test('twenty repetitions at once store one message', async () => {
  const payload = { channelId, content: 'racing', nonce: 'race' };
  const clients = [owner, await vt.connect(owner.person), await vt.device(owner.person, { transport: 'polling' })];
  const stored = await Promise.all(Array.from({ length: 21 }, (_, index) => clients[index % 3].ok('message:create', payload)));
  assert.equal(new Set(stored.map(({ id }) => id)).size, 1);
  await vt.fence(member);
  assert.equal(member.seen('message:created', ({ nonce }) => nonce === 'race').length, 1);
});

test('a nonce belongs to its author and channel', async () => {
  const channel = await newChannel();
  const nonce = 'shared';
  const messages = [await owner.say(channelId, 'a', { nonce }), await member.say(channelId, 'b', { nonce }), await owner.say(channel.id, 'c', { nonce })];
  assert.equal(new Set(messages.map(({ id }) => id)).size, 3);
});

test('a nonce has 1 to 64 characters of any kind', async () => {
  for (const nonce of ['x', '👍'.repeat(64), ' ', '\n', '0']) {
    assert.equal((await owner.say(channelId, 'nonce', { nonce })).nonce, nonce);
  }
  await owner.refused('message:create', { channelId, content: 'a', nonce: 'x'.repeat(65) }, 'too_large');
  await owner.refused('message:create', { channelId, content: 'a', nonce: '' }, 'invalid_request');
  await owner.refused('message:create', { channelId, content: 'a', nonce: 7 }, 'invalid_request');
  assert.equal((await owner.say(channelId, 'null is absent', { nonce: null })).nonce, undefined);
});

test('a repeated nonce answers the message as it is now', async () => {
  const { id: messageId } = await owner.say(channelId, 'before', { nonce: 'edited' });
  await owner.ok('message:update', { channelId, messageId, content: 'after' });
  assert.equal((await owner.say(channelId, 'before', { nonce: 'edited' })).id, messageId);
});

test('a reply carries the message it answers, and null when that is gone', async () => {
  const question = await member.say(channelId, 'question?');
  const reply = await owner.say(channelId, 'answer', { replyToId: question.id });
  assert.equal(reply.type, 'reply');
  assert.deepEqual(reply.replyTo, { id: question.id, author: member.person.user, content: 'question?' });
  await member.ok('message:delete', { channelId, messageId: question.id });
  const { messages } = await list(owner, { channelId, around: reply.id, limit: 1 });
  assert.equal(messages[0].replyTo, null);
});

test('a reply needs a message of the same channel', async () => {
  const elsewhere = await newChannel();
  const { id } = await owner.say(elsewhere.id, 'elsewhere');
  for (const replyToId of [id, unusedId()]) {
    await owner.refused('message:create', { channelId, content: 'reply', replyToId }, 'message_not_found');
  }
});

test('an edit changes the content and its time, and is pushed whole', async () => {
  const { id: messageId, createdAt } = await owner.say(channelId, 'old', { nonce: 'to be edited' });
  const edited = await owner.ok('message:update', { channelId, messageId, content: ' new ' });
  assert.equal(edited.content, ' new ');
  assert.equal(edited.createdAt, createdAt);
  assert.ok(edited.editedAt >= createdAt);
  assert.deepEqual(await member.next('message:updated', ({ id }) => id === messageId), edited);
});

test('only the author edits', async () => {
  const { id: messageId } = await member.say(channelId, 'mine');
  await owner.refused('message:update', { channelId, messageId, content: 'yours' }, 'forbidden');
  await other.refused('message:update', { channelId, messageId, content: 'yours' }, 'forbidden');
});

test('author and moderators delete, others do not', async () => {
  const [first, second, third] = [await member.say(channelId, '1'), await member.say(channelId, '2'), await member.say(channelId, '3')];
  await other.refused('message:delete', { channelId, messageId: first.id }, 'forbidden');
  await member.ok('message:delete', { channelId, messageId: first.id });
  await owner.ok('message:delete', { channelId, messageId: second.id });
  await promote(owner, groupId, other, 'moderator');
  await other.ok('message:delete', { channelId, messageId: third.id });
  await promote(owner, groupId, other);
  for (const { id } of [first, second, third]) {
    const { lastMessageId, ...gone } = await owner.next('message:deleted', ({ messageId }) => messageId === id);
    assert.deepEqual(gone, { channelId, messageId: id });
    // Only the last of them was the newest of the channel.
    if (id === third.id) assert.ok(BigInt(lastMessageId ?? 0) < BigInt(id) && lastMessageId !== undefined);
    else assert.equal(lastMessageId, undefined);
  }
});

test('a deleted message is gone for every request', async () => {
  const { id: messageId } = await owner.say(channelId, 'short-lived');
  await owner.ok('message:delete', { channelId, messageId });
  const probes = {
    'message:update': { content: 'x' }, 'message:delete': {}, 'reaction:add': { emoji: '👍' }, 'reaction:remove': { emoji: '👍' },
    'reaction:list': { emoji: '👍' }, 'pin:add': {}, 'pin:remove': {},
  };
  for (const [event, more] of Object.entries(probes)) {
    await owner.refused(event, { channelId, messageId, ...more }, 'message_not_found');
  }
  assert.equal((await list(owner, { channelId, around: messageId, limit: 5 })).messages.some(({ id }) => id === messageId), false);
});

test('a message is not reachable through another channel', async () => {
  const channel = await newChannel();
  const { id: messageId } = await owner.say(channelId, 'here');
  await owner.refused('message:update', { channelId: channel.id, messageId, content: 'there' }, 'message_not_found');
  await owner.refused('message:delete', { channelId: channel.id, messageId }, 'message_not_found');
});

test('an edit that races a delete never brings the message back', async () => {
  const second = await vt.connect(owner.person);
  const doomed = await Promise.all(Array.from({ length: 20 }, (_, index) => owner.say(channelId, `doomed ${index}`)));
  await Promise.all(doomed.flatMap(({ id: messageId }) => [
    owner.request('message:update', { channelId, messageId, content: 'back again' }),
    second.ok('message:delete', { channelId, messageId }),
    owner.request('message:update', { channelId, messageId, content: 'back again' }),
  ]));
  const { messages } = await list(owner, { channelId, limit: 100 });
  assert.deepEqual(messages.filter(({ id }) => doomed.some((message) => message.id === id)), []);
  await vt.fence(member);
  for (const { id } of doomed) {
    const about = member.log.filter(({ payload }) => payload.id === id || payload.messageId === id).map(({ name }) => name);
    assert.equal(about.at(-1), 'message:deleted', about.join());
  }
});

test('pages: newest first, without a cursor the newest, in both directions to the end', async () => {
  const { id } = await newChannel();
  const sent = [];
  for (let number = 0; number < 12; number += 1) sent.push((await owner.say(id, String(number))).id);
  const check = async (payload, texts, more) => {
    const page = await list(member, { channelId: id, ...payload });
    assert.deepEqual([page.texts.join(' '), page.hasMore], [texts, more], JSON.stringify(payload));
    return page;
  };
  await check({}, '11 10 9 8 7 6 5 4 3 2 1 0', false);
  await check({ limit: 12 }, '11 10 9 8 7 6 5 4 3 2 1 0', false);
  await check({ limit: 11 }, '11 10 9 8 7 6 5 4 3 2 1', true);
  await check({ limit: 1 }, '11', true);
  await check({ limit: null, before: null, after: null, around: null }, '11 10 9 8 7 6 5 4 3 2 1 0', false);
  await check({ before: sent[6], limit: 3 }, '5 4 3', true);
  await check({ before: sent[3], limit: 3 }, '2 1 0', false);
  await check({ before: sent[0] }, '', false);
  await check({ before: '0' }, '', false);
  await check({ before: '1' }, '', false);
  await check({ after: sent[5], limit: 3 }, '8 7 6', true);
  await check({ after: sent[8], limit: 3 }, '11 10 9', false);
  await check({ after: sent[11] }, '', false);
  await check({ after: '0', limit: 3 }, '2 1 0', true);
  await check({ after: '1', limit: 3 }, '2 1 0', true);
  await check({ after: '0' }, '11 10 9 8 7 6 5 4 3 2 1 0', false);
  await check({ after: '9223372036854775807' }, '', false);
  await check({ before: '9223372036854775807', limit: 2 }, '11 10', true);
  const middle = await check({ around: sent[6], limit: 5 }, '8 7 6 5 4', true);
  assert.deepEqual([middle.hasMoreBefore, middle.hasMoreAfter], [true, true]);
  const end = await check({ around: sent[11], limit: 5 }, end_texts(await list(member, { channelId: id, around: sent[11], limit: 5 })), true);
  assert.deepEqual([end.texts[0], end.hasMoreBefore, end.hasMoreAfter], ['11', true, false]);
  const start = await list(member, { channelId: id, around: sent[0], limit: 5 });
  assert.deepEqual([start.texts.at(-1), start.hasMoreBefore, start.hasMoreAfter], ['0', false, true]);
  await check({ around: sent[5], limit: 100 }, '11 10 9 8 7 6 5 4 3 2 1 0', false);
  const beginning = await list(member, { channelId: id, around: '0', limit: 3 });
  assert.deepEqual([beginning.hasMore, beginning.hasMoreBefore], [true, false]);
});

/** How many of the newest `around` gives at an end is the server's choice; that they are the newest is not. */
function end_texts({ texts }) {
  assert.deepEqual(texts, ['11', '10', '9', '8', '7'].slice(0, texts.length));
  return texts.join(' ');
}

test('a cursor need not exist', async () => {
  const { id } = await newChannel();
  const [first, second, third] = [await owner.say(id, '1'), await owner.say(id, '2'), await owner.say(id, '3')];
  await owner.ok('message:delete', { channelId: id, messageId: second.id });
  assert.deepEqual((await list(owner, { channelId: id, before: second.id })).texts, ['1']);
  assert.deepEqual((await list(owner, { channelId: id, after: second.id })).texts, ['3']);
  assert.deepEqual((await list(owner, { channelId: id, around: second.id })).texts, ['3', '1']);
  const between = String(BigInt(third.id) - 1n);
  assert.deepEqual((await list(owner, { channelId: id, before: between })).texts, ['1']);
  assert.deepEqual((await list(owner, { channelId: id, after: first.id })).texts, ['3']);
});

test('a page with hasMore is never empty, over deletions too', async () => {
  const { id } = await newChannel();
  const sent = [];
  for (let number = 0; number < 30; number += 1) sent.push(await owner.say(id, String(number)));
  await Promise.all(sent.slice(3, 28).map((message) => owner.ok('message:delete', { channelId: id, messageId: message.id })));
  for (const [cursor, step] of [['before', (page) => page.messages.at(-1).id], ['after', (page) => page.messages[0].id]]) {
    const found = [];
    let page = await list(owner, { channelId: id, limit: 2, ...(cursor === 'after' && { after: '0' }) });
    for (;;) {
      found.push(...page.texts);
      if (!page.hasMore) break;
      assert.ok(page.messages.length > 0);
      page = await list(owner, { channelId: id, limit: 2, [cursor]: step(page) });
    }
    assert.deepEqual(found.map(Number).sort((a, b) => a - b), [0, 1, 2, 28, 29], cursor);
  }
});

test('at most one cursor, a limit of 1 to 100', async () => {
  const cursor = unusedId();
  await owner.refused('message:list', { channelId, before: cursor, after: cursor }, 'invalid_request');
  await owner.refused('message:list', { channelId, before: cursor, around: cursor }, 'invalid_request');
  await owner.refused('message:list', { channelId, before: 12345 }, 'invalid_request');
  await owner.refused('message:list', { channelId, before: 'yesterday' }, 'invalid_request');
  for (const limit of [0, -1, 101, 1.5, '10', 2 ** 40]) {
    await owner.refused('message:list', { channelId, limit }, ['invalid_request', 'too_large']);
  }
});

test('an empty channel has an empty page', async () => {
  const { id, lastMessageId } = await newChannel();
  assert.equal(lastMessageId, undefined);
  for (const payload of [{}, { before: '0' }, { after: '0' }, { around: '0' }]) {
    const { messages, hasMore } = await owner.ok('message:list', { channelId: id, ...payload });
    assert.deepEqual([messages, hasMore], [[], false]);
  }
});

test('a page holds what an edit, a reaction and a pin changed', async () => {
  const { id } = await newChannel();
  const { id: messageId } = await owner.say(id, 'plain');
  const seenBefore = await list(member, { channelId: id });
  assert.equal(seenBefore.texts[0], 'plain');
  await owner.ok('message:update', { channelId: id, messageId, content: 'edited' });
  await member.ok('reaction:add', { channelId: id, messageId, emoji: '👍' });
  await owner.ok('pin:add', { channelId: id, messageId });
  const [mine] = (await list(member, { channelId: id })).messages;
  const [theirs] = (await list(owner, { channelId: id })).messages;
  assert.deepEqual([mine.content, mine.pinned, mine.reactions], ['edited', true, [{ emoji: '👍', count: 1, me: true }]]);
  assert.deepEqual(theirs.reactions, [{ emoji: '👍', count: 1, me: false }]);
});

test('own messages can be read as soon as they are acked', async () => {
  const { id } = await newChannel();
  for (let round = 0; round < 20; round += 1) {
    const message = await owner.say(id, `round ${round}`);
    const { messages } = await member.ok('message:list', { channelId: id, limit: 1 });
    assert.equal(messages[0].id, message.id);
  }
});

test('slow mode: the next message too early is rate_limited, except for moderators', async () => {
  const { id } = await newChannel({ slowModeSeconds: 21600 });
  await member.say(id, 'first');
  const { retryAfterMs } = await member.refused('message:create', { channelId: id, content: 'second' }, 'rate_limited');
  assert.ok(retryAfterMs > 21_500_000 && retryAfterMs <= 21_600_000, String(retryAfterMs));
  await other.say(id, 'others may');
  await owner.say(id, 'the owner');
  await owner.say(id, 'always');
  await owner.ok('channel:update', { channelId: id, slowModeSeconds: 0 });
  await member.say(id, 'off again');
});

test('slow mode answers a repeated nonce with the stored message', async () => {
  const { id } = await newChannel({ slowModeSeconds: 3600 });
  const first = await member.say(id, 'once', { nonce: 'slow' });
  assert.equal((await member.say(id, 'once', { nonce: 'slow' })).id, first.id);
});

test('an announcement channel takes messages of moderators only', async () => {
  const { id } = await newChannel({ type: 'announcement' });
  await member.refused('message:create', { channelId: id, content: 'hi' }, 'forbidden');
  await promote(owner, groupId, member, 'moderator');
  const message = await member.say(id, 'news');
  await promote(owner, groupId, member);
  await member.refused('message:create', { channelId: id, content: 'more' }, 'forbidden');
  await member.ok('reaction:add', { channelId: id, messageId: message.id, emoji: '🎉' });
});
