/** Groups, their channels and settings, and the official group. Members, bans and invites have files of their own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BURST_MS } from './lib/client.mjs';
import { bits } from './lib/contract.mjs';
import { makeGroup, official, promote, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const vt = await suite();
const [owner, member, stranger] = await vt.people(3);
const { groupId, channelId } = await makeGroup(owner, member);

test('creating a group makes the caller its owner and adds `general`', async () => {
  const device = await vt.device(owner.person);
  const group = await owner.ok('group:create', { name: ' My group ', icon: 'https://example.org/icon.png' });
  assert.deepEqual([group.name, group.icon], [' My group ', 'https://example.org/icon.png']);
  assert.deepEqual([group.ownerId, group.memberCount, group.official], [owner.id, 1, false]);
  assert.deepEqual(group.channels.map(({ name, type, groupId: of }) => [name, type, of]), [['general', 'text', group.id]]);
  assert.deepEqual([group.me.userId, group.me.groupId], [owner.id, group.id]);
  for (const client of [owner, device]) {
    const pushed = await client.next('group:created', ({ id }) => id === group.id);
    assert.deepEqual(pushed.channels, group.channels);
  }
  await device.say(group.channels[0].id, 'the other device is in it');
  await vt.fence(member);
  assert.deepEqual(member.seen('group:created', ({ id }) => id === group.id), []);
});

test('names have 1 to 100 characters, one of them not white space', async () => {
  assert.equal((await owner.ok('group:create', { name: '👍'.repeat(100) })).name, '👍'.repeat(100));
  for (const [event, payload] of [['group:create', {}], ['group:update', { groupId }], ['channel:create', { groupId }], ['channel:update', { channelId }]]) {
    await owner.refused(event, { ...payload, name: 'x'.repeat(101) }, 'too_large');
    for (const name of ['', ' ', '\n\t\u3000', 7, {}]) await owner.refused(event, { ...payload, name }, 'invalid_request');
  }
  for (const [event, payload] of [['group:create', {}], ['channel:create', { groupId }]]) {
    for (const name of [null, undefined]) await owner.refused(event, { ...payload, name }, 'invalid_request');
  }
});

test('an icon is an https URL of at most 300 characters, a path of ours, or null', async () => {
  const long = `https://example.org/${'x'.repeat(280)}`;
  assert.equal(long.length, 300);
  for (const icon of ['https://example.org/a.png', long, null]) {
    assert.equal((await owner.ok('group:update', { groupId, icon })).icon, icon);
  }
  await owner.refused('group:update', { groupId, icon: `${long}x` }, 'too_large');
  for (const icon of ['http://example.org/a.png', 'javascript:alert(1)', 'data:image/png;base64,AA', '//example.org/a.png', '/etc/passwd', 'x', 7, 'https://']) {
    await owner.refused('group:update', { groupId, icon }, 'invalid_request');
  }
});

test('an update is pushed to the members, and absent fields stay', async () => {
  await owner.ok('group:update', { groupId, icon: 'https://example.org/i.png' });
  const group = await owner.ok('group:update', { groupId, name: 'Renamed' });
  assert.deepEqual([group.name, group.icon], ['Renamed', 'https://example.org/i.png']);
  assert.equal((await member.next('group:updated', ({ name }) => name === 'Renamed')).id, groupId);
  assert.equal((await owner.ok('group:update', { groupId, name: null })).name, 'Renamed');
  await vt.fence(stranger);
  assert.deepEqual(stranger.seen('group:updated'), []);
});

test('only those with the bit change the group and its channels', async () => {
  for (const [event, payload] of [
    ['group:update', { groupId, name: 'mine' }], ['group:delete', { groupId }], ['channel:create', { groupId, name: 'mine' }],
    ['channel:update', { channelId, name: 'mine' }], ['channel:delete', { channelId }],
  ]) {
    await member.refused(event, payload, 'forbidden');
    await promote(owner, groupId, member, 'moderator');
    await member.refused(event, payload, 'forbidden');
    await promote(owner, groupId, member);
  }
});

test('an admin has all bits but deleting the group', async () => {
  await promote(owner, groupId, member, 'admin');
  await member.ok('group:update', { groupId, name: 'by an admin' });
  const channel = await member.ok('channel:create', { groupId, name: 'by an admin' });
  await member.ok('channel:delete', { channelId: channel.id });
  await member.refused('group:delete', { groupId }, 'forbidden');
  await promote(owner, groupId, member);
});

test('a new channel reaches the members with their own permissions', async () => {
  const channel = await owner.ok('channel:create', { groupId, name: 'new', topic: ' t ', type: 'text', position: 3, slowModeSeconds: 5 });
  assert.deepEqual([channel.groupId, channel.name, channel.topic, channel.position, channel.slowModeSeconds], [groupId, 'new', ' t ', 3, 5]);
  const pushed = await member.next('channel:created', ({ id }) => id === channel.id);
  assert.equal(Number(pushed.permissions), bits.view + bits.send + bits.react + bits.invite);
  const every = Object.values(bits).reduce((sum, bit) => sum + bit);
  assert.equal(Number(channel.permissions) & every, every);
  await member.say(channel.id, 'it is open');
});

test('permissions of moderators and in announcement channels', async () => {
  const { id } = await owner.ok('channel:create', { groupId, name: 'news', type: 'announcement' });
  const pushed = await member.next('channel:created', (channel) => channel.id === id);
  assert.equal(Number(pushed.permissions), bits.view + bits.react + bits.invite);
  await promote(owner, groupId, member, 'moderator');
  const { ready } = await vt.connect(member.person);
  await promote(owner, groupId, member);
  const { channels } = ready.groups.find((group) => group.id === groupId);
  const expected = bits.view + bits.send + bits.react + bits.invite + bits.manageMessages + bits.manageMembers + bits.mentionEveryone;
  assert.deepEqual(channels.filter((channel) => [id, channelId].includes(channel.id)).map(({ permissions }) => Number(permissions)), [expected, expected]);
});

test('channel defaults and limits', async () => {
  const channel = await owner.ok('channel:create', { groupId, name: 'plain' });
  assert.deepEqual([channel.type, channel.topic, channel.slowModeSeconds], ['text', '', 0]);
  for (const event of ['channel:create', 'channel:update']) {
    const payload = event === 'channel:create' ? { groupId, name: 'x' } : { channelId: channel.id };
    assert.equal((await owner.ok(event, { ...payload, topic: 't'.repeat(1000) })).topic.length, 1000);
    await owner.refused(event, { ...payload, topic: 't'.repeat(1001) }, 'too_large');
    assert.equal((await owner.ok(event, { ...payload, slowModeSeconds: 21600 })).slowModeSeconds, 21600);
    for (const slowModeSeconds of [-1, 21601, 1.5, '5', true]) await owner.refused(event, { ...payload, slowModeSeconds }, ['invalid_request', 'too_large']);
    for (const position of [0.5, 'first', true]) await owner.refused(event, { ...payload, position }, 'invalid_request');
  }
  for (const type of ['direct', 'voice', '', 7]) await owner.refused('channel:create', { groupId, name: 'x', type }, 'invalid_request');
});

test('a channel update is pushed to the members with their permissions and holds at once', async () => {
  const { id } = await owner.ok('channel:create', { groupId, name: 'settings' });
  await member.say(id, 'first');
  const updated = await owner.ok('channel:update', { channelId: id, name: 'changed', topic: 'new', slowModeSeconds: 100 });
  assert.deepEqual([updated.name, updated.topic, updated.slowModeSeconds], ['changed', 'new', 100]);
  await member.refused('message:create', { channelId: id, content: 'second' }, 'rate_limited');
  const pushed = await member.next('channel:updated', (channel) => channel.id === id);
  assert.equal(pushed.name, 'changed');
  assert.equal(Number(pushed.permissions) & bits.manageChannels, 0);
});

test('a deleted channel is gone for everybody', async () => {
  const { id } = await owner.ok('channel:create', { groupId, name: 'gone soon' });
  const message = await member.say(id, 'here');
  await owner.ok('channel:delete', { channelId: id });
  assert.deepEqual(await member.next('channel:deleted', (push) => push.channelId === id), { channelId: id, groupId });
  for (const client of [owner, member]) {
    await client.refused('message:list', { channelId: id }, 'channel_not_found');
    await client.refused('message:create', { channelId: id, content: 'x' }, 'channel_not_found');
    await client.refused('message:update', { channelId: id, messageId: message.id, content: 'x' }, 'channel_not_found');
  }
  const { ready } = await vt.connect(member.person);
  assert.equal(ready.groups.some(({ channels }) => channels.some((channel) => channel.id === id)), false);
});

test('deleting a group tells its members and takes all of it away', async () => {
  const { groupId: id, channelId: general, invite } = await makeGroup(owner, member);
  await owner.ok('group:delete', { groupId: id });
  for (const client of [owner, member]) {
    assert.deepEqual(await client.next('group:deleted', (push) => push.groupId === id), { groupId: id });
    await client.refused('message:list', { channelId: general }, 'channel_not_found');
    await client.refused('member:list', { groupId: id }, 'group_not_found');
    await client.refused('group:delete', { groupId: id }, 'group_not_found');
  }
  await stranger.refused('invite:accept', { code: invite.code }, 'invite_not_found');
  await stranger.refused('invite:get', { code: invite.code }, 'invite_not_found');
  const { ready } = await vt.connect(member.person);
  assert.equal(ready.groups.some((group) => group.id === id), false);
});

test('a member leaves: told to all of their devices and to the others', async () => {
  const { groupId: id, channelId: general } = await makeGroup(owner, member);
  const device = await vt.device(member.person, { transport: 'polling' });
  await member.ok('group:leave', { groupId: id });
  for (const client of [member, device]) {
    await client.next('group:deleted', (push) => push.groupId === id);
    await client.refused('message:list', { channelId: general }, 'channel_not_found');
  }
  assert.deepEqual(await owner.next('member:left', (push) => push.groupId === id), { groupId: id, userId: member.id });
  const message = await owner.say(general, 'they are gone');
  await vt.fence(member, device);
  for (const client of [member, device]) assert.deepEqual(client.seen('message:created', (push) => push.id === message.id), []);
  await member.refused('group:leave', { groupId: id }, 'group_not_found');
});

test('an owner cannot leave', async () => {
  await owner.refused('group:leave', { groupId }, 'forbidden');
});

test('200 groups a person, 500 channels a group: more are a conflict', async () => {
  const [collector] = await vt.people(1);
  const groups = await Promise.all(Array.from({ length: 199 }, (_, index) => collector.ok('group:create', { name: `group ${index}` }, BURST_MS)));
  const { groupId: foreign, invite } = await makeGroup(owner);
  await collector.ok('invite:accept', { code: invite.code });
  await collector.refused('group:create', { name: 'one too many' }, 'conflict');
  const { invite: another } = await makeGroup(owner);
  await collector.refused('invite:accept', { code: another.code }, 'conflict');
  await collector.ok('group:leave', { groupId: foreign });
  await collector.ok('invite:accept', { code: another.code });
  const { id } = groups[0];
  await Promise.all(Array.from({ length: 499 }, (_, index) => collector.ok('channel:create', { groupId: id, name: `channel ${index}` }, BURST_MS)));
  await collector.refused('channel:create', { groupId: id, name: 'one too many' }, 'conflict');
});

test('everybody is in the official group, reads and writes its `general`', async () => {
  const { channelId: general } = official(member);
  const message = await member.say(general, 'hello, all of you');
  for (const client of [owner, stranger]) await client.next('message:created', ({ id }) => id === message.id);
});

test('no ordinary member changes the official group, and nobody leaves it', async () => {
  const { groupId: id, channelId: general } = official(member);
  const message = await owner.say(general, 'a message of somebody else');
  for (const [event, payload] of [
    ['group:leave', { groupId: id }], ['group:update', { groupId: id, name: 'ours' }], ['group:delete', { groupId: id }],
    ['channel:create', { groupId: id, name: 'mine' }], ['channel:update', { channelId: general, topic: 'x' }], ['channel:delete', { channelId: general }],
    ['member:remove', { groupId: id, userId: owner.id }], ['member:ban', { groupId: id, userId: owner.id }], ['member:unban', { groupId: id, userId: owner.id }],
    ['member:update', { groupId: id, userId: owner.id, nickname: 'x' }], ['member:update', { groupId: id, userId: member.id, roles: ['admin'] }],
    ['ban:list', { groupId: id }], ['message:delete', { channelId: general, messageId: message.id }], ['pin:add', { channelId: general, messageId: message.id }],
  ]) await member.refused(event, payload, 'forbidden');
});

test('a registration is never announced in the official group, but counted and listed', async () => {
  const { groupId: id } = official(owner);
  const before = (await vt.connect(owner.person)).ready.groups.find((group) => group.official).memberCount;
  const [newcomer] = await vt.people(1);
  await vt.fence(owner, member);
  for (const client of [owner, member]) assert.deepEqual(client.seen('member:joined', (push) => push.groupId === id), []);
  const found = await owner.ok('member:list', { groupId: id, query: newcomer.person.username });
  assert.deepEqual(found.members.map(({ userId }) => userId), [newcomer.id]);
  // Counts may lag for a moment.
  const counted = async () => (await vt.connect(newcomer.person)).ready.groups.find((group) => group.official).memberCount;
  await until(async () => (await counted()) > before, 10_000, 'the newcomer is not counted');
});
