/** A stranger learns nothing: what is hidden answers exactly like what does not exist, over events and HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGroup, suite, unusedId } from './lib/suite.mjs';
import { address, routes } from './lib/routes.mjs';
import { idFields, table } from './lib/table.mjs';

const vt = await suite();
const [owner, member, stranger, banned, removed] = await vt.people(5);

const { groupId, channelId, invite } = await makeGroup(owner, member, removed);
await owner.ok('member:remove', { groupId, userId: removed.id });
await owner.ok('member:ban', { groupId, userId: banned.id });
const { id: messageId } = await owner.say(channelId, 'a secret');
await owner.ok('reaction:add', { channelId, messageId, emoji: '👍' });
const direct = await owner.ok('direct:open', { userIds: [member.id] });
const { id: directMessageId } = await owner.say(direct.id, 'a private secret');
const scene = { groupId, channelId, messageId, code: invite.code, emoji: '👍', owner, member, stranger, banned };
const directScene = { ...scene, channelId: direct.id, messageId: directMessageId };

/** Replaces each id by its field name, so that answers about different ids can be compared. */
function anonymous(answer, ids) {
  return ids.reduce((text, id) => text.replaceAll(id, '#'), JSON.stringify(answer));
}

/** The same payload with all of its ids replaced by unused ones (or an unknown code). */
function invented(payload) {
  const replaced = Object.entries(payload).map(([key, value]) =>
    [key, idFields.includes(key) ? unusedId() : key === 'code' ? 'x'.repeat(value.length) : value]);
  return Object.fromEntries(replaced);
}

const ids = (payload) => Object.values(payload).filter((value) => typeof value === 'string');
const prying = [['a stranger', stranger], ['a removed member', removed], ['a banned person', banned]];

for (const [event, row] of Object.entries(table).filter(([, { hidden }]) => hidden)) {
  test(`${event}: hidden answers as unknown`, async () => {
    for (const [who, client] of prying) {
      for (const place of row.hidden === 'channel_not_found' ? [scene, directScene] : [scene]) {
        const real = row.payload(place);
        const fake = invented(real);
        const [ofReal, ofFake] = [await client.refused(event, real, row.hidden), await client.refused(event, fake, row.hidden)];
        assert.equal(anonymous(ofReal, ids(real)), anonymous(ofFake, ids(fake)), who);
      }
    }
  });
}

for (const row of routes.filter(({ hidden }) => hidden)) {
  test(`${row.method} ${row.path}: hidden answers as unknown`, async () => {
    for (const [who, { token }] of prying) {
      const unused = { groupId: unusedId(), channelId: unusedId(), messageId: unusedId(), code: 'x'.repeat(invite.code.length) };
      const body = row.body?.(scene);
      const real = await vt.http(row.method, address(row, scene), { token, body });
      const fake = await vt.http(row.method, address(row, scene, unused), { token, body });
      assert.deepEqual([real.status, real.body.error.code], [404, row.hidden], who);
      assert.equal(anonymous(real.body, [groupId, channelId, messageId]), anonymous(fake.body, Object.values(unused)), who);
    }
  });
}

test('nothing that happened was changed by the probes', async () => {
  const { messages } = await owner.ok('message:list', { channelId });
  assert.deepEqual(messages.map(({ id, content }) => [id, content]), [[messageId, 'a secret']]);
  assert.deepEqual(messages[0].reactions, [{ emoji: '👍', count: 1, me: true }]);
  const { members } = await owner.ok('member:list', { groupId });
  assert.deepEqual(members.map(({ userId }) => userId).sort(), [owner.id, member.id].sort());
});

test('no push about any of it ever reached them', async () => {
  await owner.ok('message:update', { channelId, messageId, content: 'still a secret' });
  await owner.ok('typing:start', { channelId: direct.id });
  await owner.ok('pin:add', { channelId, messageId });
  await owner.ok('channel:create', { groupId, name: 'another secret' });
  await vt.fence(stranger, banned);
  const secrets = [groupId, channelId, direct.id, messageId, directMessageId];
  for (const client of [stranger, banned]) {
    assert.deepEqual(client.log.filter(({ payload }) => secrets.some((id) => JSON.stringify(payload).includes(id))), []);
  }
});

test('strangers and members get different answers about members of a group that both know by its invite', async () => {
  await stranger.ok('invite:get', { code: invite.code });
  await stranger.refused('member:list', { groupId }, 'group_not_found');
  await stranger.refused('invite:list', { groupId }, 'group_not_found');
});

test('a message of another channel cannot be pulled through an own one', async () => {
  const own = await makeGroup(stranger);
  const probes = {
    'message:update': { content: 'x' }, 'message:delete': {}, 'reaction:add': { emoji: 'x' }, 'reaction:list': { emoji: '👍' }, 'pin:add': {}, 'pin:remove': {},
  };
  for (const id of [messageId, directMessageId, unusedId()]) {
    for (const [event, more] of Object.entries(probes)) {
      await stranger.refused(event, { channelId: own.channelId, messageId: id, ...more }, 'message_not_found');
    }
    await stranger.refused('message:create', { channelId: own.channelId, content: 'x', replyToId: id }, 'message_not_found');
    const { messages } = await stranger.ok('message:list', { channelId: own.channelId, around: id });
    assert.deepEqual(messages, []);
    assert.equal((await vt.http('GET', `/api/v1/channels/${own.channelId}/messages/${id}`, { token: stranger.token })).status, 404);
  }
});

test('an owner reaches no further than the own group', async () => {
  const own = await makeGroup(stranger);
  await stranger.refused('member:update', { groupId: own.groupId, userId: member.id, nickname: 'x' }, 'member_not_found');
  await stranger.refused('member:remove', { groupId: own.groupId, userId: owner.id }, 'member_not_found');
  await stranger.refused('channel:update', { channelId, groupId: own.groupId, name: 'x' }, 'channel_not_found');
});
