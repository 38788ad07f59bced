/** Members, roles, removal and bans. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bits } from './lib/contract.mjs';
import { makeGroup, official, promote, suite, unusedId } from './lib/suite.mjs';

const vt = await suite();
const [owner, admin, moderator, member, other, stranger] = await vt.people(6);
const { groupId, channelId } = await makeGroup(owner, admin, moderator, member, other);
await promote(owner, groupId, admin, 'admin');
await promote(owner, groupId, moderator, 'moderator');

const byId = (a, b) => (BigInt(a) < BigInt(b) ? -1 : 1);
const joinAgain = async (client) => {
  const { code } = await owner.ok('invite:create', { groupId });
  return client.ok('invite:accept', { code });
};

test('joining is told to the members', async () => {
  const [newcomer] = await vt.people(1);
  const group = await joinAgain(newcomer);
  const joined = await member.next('member:joined', ({ userId }) => userId === newcomer.id);
  assert.deepEqual([joined.groupId, joined.roles, joined.nickname], [groupId, [], null]);
  assert.deepEqual(joined.user, newcomer.person.user);
  assert.deepEqual(group.me, joined);
  await newcomer.ok('group:leave', { groupId });
});

test('the list comes in pages ordered by user id', async () => {
  const ids = [owner, admin, moderator, member, other].map(({ id }) => id).sort(byId);
  const page = async (more) => {
    const { members, hasMore } = await member.ok('member:list', { groupId, ...more });
    return [members.map(({ userId }) => userId), hasMore];
  };
  assert.deepEqual(await page({}), [ids, false]);
  assert.deepEqual(await page({ limit: 2 }), [ids.slice(0, 2), true]);
  assert.deepEqual(await page({ after: ids[1], limit: 3 }), [ids.slice(2), false]);
  assert.deepEqual(await page({ after: '0', limit: 200 }), [ids, false]);
  assert.deepEqual(await page({ after: ids[4] }), [[], false]);
  for (const limit of [0, 201, -1, 'all']) await member.refused('member:list', { groupId, limit }, ['invalid_request', 'too_large']);
});

test('query is a prefix of user name, display name or nickname, without case', async () => {
  await other.ok('user:update', { displayName: 'Élodie Überall' });
  await member.ok('member:update', { groupId, userId: member.id, nickname: 'Zed the Ed' });
  const find = async (query) => (await owner.ok('member:list', { groupId, query })).members.map(({ userId }) => userId);
  assert.deepEqual(await find(other.person.username.toUpperCase()), [other.id]);
  assert.deepEqual(await find('élod'), [other.id]);
  assert.deepEqual(await find('ÉLODIE Ü'), [other.id]);
  assert.deepEqual(await find('zed THE'), [member.id]);
  assert.deepEqual(await find('lodie'), []);
  assert.deepEqual(await find('100%'), []);
  assert.deepEqual(await find('_'), []);
  assert.deepEqual(await find(stranger.person.username), []);
  await owner.refused('member:list', { groupId, query: 'x'.repeat(65) }, 'too_large');
  await owner.refused('member:list', { groupId, query: '' }, 'invalid_request');
  await member.ok('member:update', { groupId, userId: member.id, nickname: '' });
});

test('everybody changes the own nickname; "" and null remove it', async () => {
  const set = async (nickname) => (await member.ok('member:update', { groupId, userId: member.id, nickname })).nickname;
  assert.equal(await set('Nick'), 'Nick');
  assert.equal((await owner.next('member:updated', ({ nickname }) => nickname === 'Nick')).userId, member.id);
  assert.equal(await set(''), null);
  assert.equal(await set('👍'.repeat(64)), '👍'.repeat(64));
  assert.equal(await set(null), null);
  await member.refused('member:update', { groupId, userId: member.id, nickname: 'x'.repeat(65) }, 'too_large');
  await member.refused('member:update', { groupId, userId: member.id, nickname: 7 }, 'invalid_request');
});

test('nicknames of others need manageMembers and a higher role', async () => {
  const rename = (client, target) => client.request('member:update', { groupId, userId: target.id, nickname: 'renamed' });
  const outcome = async (client, target) => (await rename(client, target)).error?.code ?? 'ok';
  assert.equal(await outcome(member, other), 'forbidden');
  assert.equal(await outcome(moderator, member), 'ok');
  assert.equal(await outcome(moderator, admin), 'forbidden');
  assert.equal(await outcome(moderator, owner), 'forbidden');
  assert.equal(await outcome(admin, moderator), 'ok');
  assert.equal(await outcome(admin, owner), 'forbidden');
  assert.equal(await outcome(owner, admin), 'ok');
});

test('roles are given below one\'s own, and never by members', async () => {
  const give = async (client, target, ...roles) =>
    (await client.request('member:update', { groupId, userId: target.id, roles })).error?.code ?? 'ok';
  assert.equal(await give(member, member, 'moderator'), 'forbidden');
  assert.equal(await give(member, other, 'moderator'), 'forbidden');
  assert.equal(await give(moderator, member, 'moderator'), 'forbidden');
  assert.equal(await give(moderator, member, 'admin'), 'forbidden');
  assert.equal(await give(moderator, moderator, 'admin'), 'forbidden');
  assert.equal(await give(moderator, admin), 'forbidden');
  assert.equal(await give(admin, member, 'moderator'), 'ok');
  assert.equal(await give(admin, member), 'ok');
  assert.equal(await give(admin, member, 'admin'), 'forbidden');
  assert.equal(await give(admin, admin, 'admin', 'moderator'), 'forbidden');
  assert.equal(await give(admin, owner), 'forbidden');
  assert.equal(await give(owner, member, 'admin'), 'ok');
  assert.equal(await give(owner, member), 'ok');
});

test('unknown roles and roles of the wrong type are invalid_request', async () => {
  for (const roles of [['king'], ['owner'], 'admin', [7], {}]) {
    await owner.refused('member:update', { groupId, userId: member.id, roles }, 'invalid_request');
  }
});

test('a role is pushed to the members and holds from the next request on', async () => {
  const { id: messageId } = await owner.say(channelId, 'to be deleted by a moderator');
  await other.refused('message:delete', { channelId, messageId }, 'forbidden');
  await promote(owner, groupId, other, 'moderator');
  await other.ok('message:delete', { channelId, messageId });
  const pushed = await member.next('member:updated', ({ userId, roles }) => userId === other.id && roles.length === 1);
  assert.deepEqual(pushed.roles, ['moderator']);
  await promote(owner, groupId, other);
  await other.refused('ban:list', { groupId }, 'forbidden');
});

test('nobody changes their own roles', async () => {
  for (const client of [owner, admin, moderator]) await client.refused('member:update', { groupId, userId: client.id, roles: [] }, 'forbidden');
});

test('whoever gets other roles is told of the channels in which they may do something else now', async () => {
  const news = await owner.ok('channel:create', { groupId, name: 'news', type: 'announcement' });
  await vt.fence(other, member);
  for (const client of [other, member]) client.forget();
  await promote(owner, groupId, other, 'moderator');
  for (const id of [channelId, news.id]) {
    const { permissions } = await other.next('channel:updated', (channel) => channel.id === id);
    assert.ok(Number(permissions) & bits.manageMessages && Number(permissions) & bits.send, permissions);
  }
  await promote(owner, groupId, other);
  const { permissions } = await other.next('channel:updated', (channel) => channel.id === news.id);
  assert.equal(Number(permissions) & (bits.manageMessages | bits.send), 0);
  await vt.fence(member);
  assert.deepEqual(member.seen('channel:updated'), []);
});

test('people who are not members are member_not_found', async () => {
  for (const userId of [stranger.id, unusedId()]) {
    await owner.refused('member:update', { groupId, userId, nickname: 'x' }, 'member_not_found');
    await owner.refused('member:remove', { groupId, userId }, 'member_not_found');
  }
});

for (const event of ['member:remove', 'member:ban']) {
  test(`${event} works only on people below`, async () => {
    const attempt = async (client, target) => (await client.request(event, { groupId, userId: target.id })).error?.code ?? 'ok';
    assert.equal(await attempt(member, other), 'forbidden');
    assert.equal(await attempt(moderator, moderator), 'forbidden');
    assert.equal(await attempt(moderator, admin), 'forbidden');
    assert.equal(await attempt(moderator, owner), 'forbidden');
    assert.equal(await attempt(admin, owner), 'forbidden');
    assert.equal(await attempt(admin, admin), 'forbidden');
    assert.equal(await attempt(owner, owner), 'forbidden');
  });

  test(`${event} takes effect on open sockets before its ack`, async () => {
    const [target] = await vt.people(1);
    await joinAgain(target);
    const devices = [target, await vt.device(target.person, { transport: 'polling' }), await vt.connect(target.person, { version: 'v2' })];
    await moderator.ok(event, { groupId, userId: target.id, reason: 'a reason' });
    const secrets = await Promise.all([owner, admin, other].map((client) => client.say(channelId, 'not for them')));
    await owner.ok('reaction:add', { channelId, messageId: secrets[0].id, emoji: '🤫' });
    await owner.ok('typing:start', { channelId });
    await owner.ok('group:update', { groupId, name: 'without them' });
    await vt.fence(...devices);
    for (const client of devices) {
      await client.next('group:deleted', (push) => push.groupId === groupId);
      assert.deepEqual(leaks(client, secrets), []);
      await client.refused('message:list', { channelId }, 'channel_not_found');
      await client.refused('message:create', { channelId, content: 'x' }, 'channel_not_found');
    }
    assert.deepEqual(await owner.next('member:left', ({ userId }) => userId === target.id), { groupId, userId: target.id });
    if (event === 'member:ban') await owner.ok('member:unban', { groupId, userId: target.id });
    await joinAgain(target);
    const message = await owner.say(channelId, 'welcome back');
    for (const client of devices) await client.next('message:created', ({ id }) => id === message.id);
  });
}

/** What a removed person's socket got about the group after it was told of the removal, or of these messages at all. */
function leaks(client, messages) {
  const told = client.log.findIndex(({ name, payload }) => name === 'group:deleted' && payload.groupId === groupId);
  const about = ({ payload }) => payload.channelId === channelId || payload.groupId === groupId || payload.id === groupId;
  return [...client.log.slice(told + 1).filter(about), ...client.seen('message:created', ({ id }) => messages.some((message) => message.id === id))];
}

test('what is published after the ack of invite:accept reaches the person', async () => {
  const [newcomer] = await vt.people(1);
  const device = await vt.connect(newcomer.person, { transport: 'polling' });
  const { code } = await owner.ok('invite:create', { groupId });
  for (let round = 0; round < 10; round += 1) {
    await newcomer.ok('invite:accept', { code });
    const message = await owner.say(channelId, `round ${round}`);
    for (const client of [newcomer, device]) await client.next('message:created', ({ id }) => id === message.id);
    await newcomer.ok('group:leave', { groupId });
  }
});

test('a banned person cannot come back until unbanned', async () => {
  const [banned] = await vt.people(1);
  await joinAgain(banned);
  await moderator.ok('member:ban', { groupId, userId: banned.id, reason: 'spam' });
  const { code } = await owner.ok('invite:create', { groupId });
  await banned.refused('invite:accept', { code }, 'forbidden');
  const { bans, hasMore } = await moderator.ok('ban:list', { groupId });
  const entry = bans.find(({ user }) => user.id === banned.id);
  assert.deepEqual([entry.user, entry.reason, hasMore], [banned.person.user, 'spam', false]);
  await member.refused('ban:list', { groupId }, 'forbidden');
  await member.refused('member:unban', { groupId, userId: banned.id }, 'forbidden');
  await moderator.ok('member:unban', { groupId, userId: banned.id });
  await banned.ok('invite:accept', { code });
  assert.equal((await moderator.ok('ban:list', { groupId })).bans.some(({ user }) => user.id === banned.id), false);
});

test('somebody who never joined can be banned; an unknown person cannot', async () => {
  await owner.ok('member:ban', { groupId, userId: stranger.id });
  const { code } = await owner.ok('invite:create', { groupId });
  await stranger.refused('invite:accept', { code }, 'forbidden');
  await owner.ok('member:unban', { groupId, userId: stranger.id });
  await owner.refused('member:ban', { groupId, userId: unusedId() }, ['user_not_found', 'member_not_found']);
});

test('banning again keeps the first ban, unbanning again is ok, a reason has at most 500 characters', async () => {
  const { id: userId } = await vt.person();
  await owner.ok('member:ban', { groupId, userId, reason: 'first' });
  await moderator.ok('member:ban', { groupId, userId, reason: 'second' });
  const { bans } = await owner.ok('ban:list', { groupId });
  assert.deepEqual(bans.filter(({ user }) => user.id === userId).map(({ reason }) => reason), ['first']);
  for (const attempt of [1, 2]) await owner.ok('member:unban', { groupId, userId, attempt });
  for (const event of ['member:ban', 'member:remove']) {
    await owner.refused(event, { groupId, userId: member.id, reason: '👍'.repeat(501) }, 'too_large');
  }
  await owner.ok('member:ban', { groupId, userId, reason: '👍'.repeat(500) });
  await owner.ok('member:unban', { groupId, userId });
});

test('bans come in pages ordered by user id', async () => {
  const banned = [];
  for (let count = 0; count < 5; count += 1) {
    const person = await vt.person();
    await owner.ok('member:ban', { groupId, userId: person.id });
    banned.push(person.id);
  }
  banned.sort(byId);
  const first = await owner.ok('ban:list', { groupId, limit: 3 });
  assert.deepEqual([first.bans.map(({ user }) => user.id), first.hasMore], [banned.slice(0, 3), true]);
  const second = await owner.ok('ban:list', { groupId, limit: 3, after: banned[2] });
  assert.deepEqual([second.bans.map(({ user }) => user.id), second.hasMore], [banned.slice(3), false]);
  for (const limit of [0, 201]) await owner.refused('ban:list', { groupId, limit }, ['invalid_request', 'too_large']);
});

test('removal from the official group is for nobody', async () => {
  await owner.refused('member:remove', { groupId: official(owner).groupId, userId: member.id }, 'forbidden');
});

test('member counts follow', async () => {
  const { groupId: id, invite } = await makeGroup(owner, other);
  const count = async () => (await stranger.ok('invite:get', { code: invite.code })).group.memberCount;
  assert.equal(await count(), 2);
  await stranger.ok('invite:accept', { code: invite.code });
  await stranger.ok('invite:accept', { code: invite.code });
  assert.equal(await count(), 3);
  await owner.ok('member:remove', { groupId: id, userId: other.id });
  assert.equal(await count(), 2);
});
