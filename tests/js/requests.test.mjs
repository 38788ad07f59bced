/** The Requests table, row by row: one success, and the errors of its fields. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as asyncapi from './lib/asyncapi.mjs';
import { pushes, requests } from './lib/contract.mjs';
import { makeGroup, suite, unusedId } from './lib/suite.mjs';
import { table, idFields } from './lib/table.mjs';

const vt = await suite();
const [owner, member, stranger, banned] = await vt.people(4);

/** A group with everything a request may name. */
async function scene() {
  const { groupId, channelId, invite } = await makeGroup(owner, member);
  await owner.ok('member:ban', { groupId, userId: banned.id });
  const { id: messageId } = await owner.say(channelId, 'a message');
  await owner.ok('reaction:add', { channelId, messageId, emoji: '👍' });
  return { groupId, channelId, messageId, code: invite.code, emoji: '👍', owner, member, stranger, banned };
}

const shared = await scene();

test('the tables of this test, of the contract and of asyncapi.yaml name the same events and pushes', () => {
  assert.deepEqual(Object.keys(table).sort(), Object.keys(requests).sort());
  assert.deepEqual(Object.keys(asyncapi.acks).sort(), Object.keys(requests).sort());
  assert.deepEqual(Object.keys(asyncapi.pushes).sort(), Object.keys(pushes).sort());
});

for (const [event, row] of Object.entries(table)) {
  const { payload, required, missing, strings = [], numbers = [], as = 'owner', power } = row;

  test(`${event}: a minimal valid request`, async () => {
    const own = await scene();
    await own[as].ok(event, payload(own));
  });

  test(`${event}: unknown fields and further arguments are ignored`, async () => {
    const own = await scene();
    const answer = await own[as].ask(event, [{ ...payload(own), unknownField: { a: 1 } }, 'more', 7, null, [{}]]);
    assert.equal(answer.ok, true, JSON.stringify(answer.error));
  });

  test(`${event}: what is no object is invalid_request`, async () => {
    for (const args of [[], [null], [[]], [[payload(shared)]], [7], [true], ['text'], [JSON.stringify(payload(shared))]]) {
      const answer = await shared[as].ask(event, args);
      assert.equal(answer.error?.code, 'invalid_request', JSON.stringify(args));
    }
  });

  test(`${event}: required fields, absent, null or of a wrong type, are invalid_request`, async () => {
    for (const field of required) {
      for (const value of [undefined, null, 7, true, { a: 1 }, [[]]]) {
        // These are objects with keys of the client's own.
        if ((field === 'channels' || field === 'settings') && value?.a) continue;
        await shared[as].refused(event, { ...payload(shared), [field]: value }, 'invalid_request');
      }
    }
  });

  test(`${event}: other fields of a wrong type are invalid_request`, async () => {
    for (const field of strings) {
      for (const value of [7, true, {}, []]) await shared[as].refused(event, { ...payload(shared), [field]: value }, 'invalid_request');
    }
    for (const field of numbers) {
      for (const value of ['7', true, {}, [], 1.5]) await shared[as].refused(event, { ...payload(shared), [field]: value }, 'invalid_request');
    }
  });

  test(`${event}: ids have to be decimal strings`, async () => {
    for (const field of Object.keys(payload(shared)).filter((name) => idFields.includes(name))) {
      for (const value of [12345, '', 'abc', '-5', '1e3', ' 1', '0x10', '1.0', '99999999999999999999999']) {
        await shared[as].refused(event, { ...payload(shared), [field]: value }, ['invalid_request', missing[field]].filter(Boolean));
      }
    }
  });

  test(`${event}: ids that name nothing`, async () => {
    for (const [field, code] of Object.entries(missing)) {
      await shared[as].refused(event, { ...payload(shared), [field]: unusedId() }, code);
    }
  });

  if (power) {
    test(`${event}: forbidden to an ordinary member`, async () => {
      const own = { ...shared, member: owner };
      await member.refused(event, payload(own), 'forbidden');
    });
  }
}

test('access is judged before the other fields', async () => {
  const { channelId, groupId } = shared;
  const unknown = unusedId();
  for (const id of [channelId, unknown]) {
    await stranger.refused('message:create', { channelId: id, content: '' }, 'channel_not_found');
    await stranger.refused('message:create', { channelId: id, content: 'x'.repeat(5000) }, 'channel_not_found');
    await stranger.refused('message:list', { channelId: id, limit: 1000 }, 'channel_not_found');
    await stranger.refused('channel:update', { channelId: id, name: '' }, 'channel_not_found');
  }
  for (const id of [groupId, unknown]) {
    await stranger.refused('channel:create', { groupId: id, name: '' }, 'group_not_found');
    await stranger.refused('group:update', { groupId: id, name: 'x'.repeat(200) }, 'group_not_found');
    await stranger.refused('member:list', { groupId: id, limit: 1000 }, 'group_not_found');
  }
});

test('null in an optional field is as if it were absent', async () => {
  const { channelId, groupId, messageId, emoji } = shared;
  await owner.ok('message:create', { channelId, content: 'x', nonce: null, replyToId: null, attachmentIds: null });
  await owner.ok('message:list', { channelId, limit: null, before: null });
  await owner.ok('reaction:list', { channelId, messageId, emoji, after: null, limit: null });
  await owner.ok('channel:create', { groupId, name: 'x', topic: null, type: null, position: null, slowModeSeconds: null });
  await owner.ok('invite:create', { groupId, expiresInSeconds: null, maxUses: null });
  await owner.ok('member:list', { groupId, query: null, after: null, limit: null });
  await owner.ok('member:update', { groupId, userId: member.id, roles: null });
  await owner.ok('user:search', { query: 'x', limit: null });
  await owner.ok('presence:update', { status: 'online', text: null });
  await owner.ok('ban:list', { groupId, after: null, limit: null });
});
