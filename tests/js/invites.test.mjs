/** Invites: limits, races, and who may see and delete them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGroup, promote, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const vt = await suite();
const [owner, member, other, stranger] = await vt.people(4);
const { groupId, group } = await makeGroup(owner, member, other);

test('an invite tells its group to anybody, and lets them in', async () => {
  const invite = await member.ok('invite:create', { groupId });
  assert.deepEqual([invite.groupId, invite.creatorId, invite.uses, invite.maxUses, invite.expiresAt], [groupId, member.id, 0, null, null]);
  const view = await stranger.ok('invite:get', { code: invite.code });
  assert.deepEqual(view.group, { id: groupId, name: group.name, icon: null, memberCount: 3 });
  assert.deepEqual([view.code, view.creator, view.expiresAt], [invite.code, member.person.user, null]);
  const joined = await stranger.ok('invite:accept', { code: invite.code });
  assert.equal(joined.id, groupId);
  assert.equal(joined.me.userId, stranger.id);
  assert.equal((await stranger.next('group:created', ({ id }) => id === groupId)).memberCount, 4);
  await stranger.ok('group:leave', { groupId });
});

test('accepting as a member answers the group, announces nothing and uses nothing up', async () => {
  const { code } = await owner.ok('invite:create', { groupId, maxUses: 1 });
  assert.equal((await member.ok('invite:accept', { code })).id, groupId);
  await vt.fence(other);
  assert.deepEqual(other.seen('member:joined', ({ userId }) => userId === member.id), []);
  await stranger.ok('invite:accept', { code });
  await stranger.ok('group:leave', { groupId });
});

test('a spent invite is invite_not_found, also in a race', async () => {
  const { code } = await owner.ok('invite:create', { groupId, maxUses: 3 });
  const runners = await vt.people(6);
  const answers = await Promise.all(runners.map((client) => client.request('invite:accept', { code })));
  assert.equal(answers.filter(({ ok }) => ok).length, 3);
  assert.deepEqual([...new Set(answers.filter(({ ok }) => !ok).map(({ error }) => error.code))], ['invite_not_found']);
  await stranger.refused('invite:get', { code }, 'invite_not_found');
  for (const runner of runners) await runner.request('group:leave', { groupId });
});

test('the same person accepting many times at once uses it once', async () => {
  const invite = await owner.ok('invite:create', { groupId, maxUses: 2 });
  const devices = [stranger, await vt.connect(stranger.person), await vt.connect(stranger.person)];
  await Promise.all(devices.flatMap((client) => [client.ok('invite:accept', invite), client.ok('invite:accept', invite)]));
  const { invites } = await owner.ok('invite:list', { groupId });
  assert.equal(invites.find(({ code }) => code === invite.code).uses, 1);
  await stranger.ok('group:leave', { groupId });
});

test('an expired invite is invite_not_found', async () => {
  const invite = await owner.ok('invite:create', { groupId, expiresInSeconds: 1 });
  const lifeMs = Date.parse(invite.expiresAt) - Date.now();
  assert.ok(lifeMs > -1000 && lifeMs <= 1500, String(lifeMs));
  await until(async () => !(await stranger.request('invite:get', { code: invite.code })).ok, 5000, 'it never expires');
  await stranger.refused('invite:get', { code: invite.code }, 'invite_not_found');
  await stranger.refused('invite:accept', { code: invite.code }, 'invite_not_found');
});

test('limits of limits', async () => {
  const { expiresAt, maxUses } = await owner.ok('invite:create', { groupId, expiresInSeconds: 31_536_000, maxUses: 10_000 });
  assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 31_536_000_000) < 60_000);
  assert.equal(maxUses, 10_000);
  for (const expiresInSeconds of [0, -1, 0.5, '60', 31_536_001 + 86_400]) await owner.refused('invite:create', { groupId, expiresInSeconds }, ['invalid_request', 'too_large']);
  for (const uses of [0, -1, 1.5, '1', 10_001]) await owner.refused('invite:create', { groupId, maxUses: uses }, ['invalid_request', 'too_large']);
});

test('unknown codes of any form are invite_not_found', async () => {
  for (const event of ['invite:get', 'invite:accept', 'invite:delete']) {
    for (const code of ['nope', '../..', 'x'.repeat(300), ' ']) await stranger.refused(event, { code }, ['invite_not_found', 'too_large']);
    for (const code of [7, null, undefined, {}]) await stranger.refused(event, { code }, 'invalid_request');
  }
});

test('an invite is deleted by its creator or with manageGroup, and to a stranger it does not exist', async () => {
  const [mine, theirs] = [await member.ok('invite:create', { groupId }), await member.ok('invite:create', { groupId })];
  await stranger.refused('invite:delete', { code: mine.code }, 'invite_not_found');
  await other.refused('invite:delete', { code: mine.code }, ['forbidden', 'invite_not_found']);
  await member.ok('invite:delete', { code: mine.code });
  await owner.ok('invite:delete', { code: theirs.code });
  for (const { code } of [mine, theirs]) {
    await stranger.refused('invite:accept', { code }, 'invite_not_found');
    await owner.refused('invite:delete', { code }, 'invite_not_found');
  }
});

test('members list their own invites, those with manageGroup all', async () => {
  const { groupId: id } = await makeGroup(owner, member, other);
  const mine = await member.ok('invite:create', { groupId: id });
  const theirs = await other.ok('invite:create', { groupId: id });
  const codes = async (client) => (await client.ok('invite:list', { groupId: id })).invites.map(({ code }) => code);
  assert.deepEqual(await codes(member), [mine.code]);
  assert.deepEqual(await codes(other), [theirs.code]);
  const all = await codes(owner);
  assert.ok(all.includes(mine.code) && all.includes(theirs.code) && all.length === 3);
  await promote(owner, id, member, 'moderator');
  assert.deepEqual(await codes(member), [mine.code]);
  await promote(owner, id, member, 'admin');
  assert.equal((await codes(member)).length, 3);
});

test('a person has 100 open invites in a group, and a spent or deleted one makes room', async () => {
  const { groupId: id, invite: first } = await makeGroup(owner);
  const invites = await Promise.all(Array.from({ length: 99 }, () => owner.ok('invite:create', { groupId: id, maxUses: 1 })));
  await owner.refused('invite:create', { groupId: id }, 'conflict');
  await owner.ok('invite:delete', { code: first.code });
  await stranger.ok('invite:accept', { code: invites[0].code });
  for (const room of [1, 2]) await owner.ok('invite:create', { groupId: id, maxUses: room });
  await owner.refused('invite:create', { groupId: id }, 'conflict');
});

test('codes are not guessable from one another', async () => {
  const codes = await Promise.all(Array.from({ length: 20 }, async () => (await owner.ok('invite:create', { groupId })).code));
  assert.equal(new Set(codes).size, 20);
  assert.ok(codes.every((code) => code.length >= 8));
  assert.equal(new Set(codes.map((code) => code.slice(0, 4))).size > 15, true);
});
