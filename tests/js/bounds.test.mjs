/** What one person can make the server hold or send is bounded, however much they make and however little they read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { login } from './lib/people.mjs';
import { poll, pollingSession, rawSocket } from './lib/raw.mjs';
import { makeGroup, official, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const READY_BYTES = 2_000_000;
const BURST_MS = 120_000;
// Some read nothing here, for as long as a busy machine takes.
const vt = await suite({ set: { 'limits.stall_seconds': 300 } });
const limited = await suite({ set: { 'limits.rates': true } });

const upTo = (count) => Array.from({ length: count }, (_, number) => number);
const bytes = (value) => Buffer.byteLength(JSON.stringify(value));
const codes = (answers) => [...new Set(answers.map(({ ok, error }) => (ok ? 'ok' : error.code)))].sort();
const passed = (answers) => answers.filter(({ ok }) => ok).length;

/** The same person on several sockets. */
async function sessions(on, count) {
  const person = await on.person();
  const tokens = [person, ...(await Promise.all(upTo(count - 1).map(() => login(on.server, person))))];
  return Promise.all(tokens.map((token) => on.connect(token)));
}

/** Adds channels with topics that are as long as JSON can make them: six kilobytes. */
const addChannels = (owner, groupId, count) =>
  Promise.all(upTo(count).map(() => owner.ok('channel:create', { groupId, name: '漢'.repeat(100), topic: '\u0001'.repeat(1000) }, BURST_MS)));

const huge = (async () => {
  const owner = await vt.connect(await vt.person());
  const groups = [];
  for (const count of [180, 180, 2]) {
    const { id } = await owner.ok('group:create', { name: `with ${count}` });
    await addChannels(owner, id, count);
    groups.push(id);
  }
  return { owner, groups };
})();
huge.catch(() => {});

test('ready and GET groups have at most 2 MB, and group:get the rest', async () => {
  const { owner, groups } = await huge;
  const again = await vt.connect(owner.person);
  const list = await vt.http('GET', '/api/v1/groups', { token: owner.token });
  assert.equal(again.ready.limits.readyBytes, READY_BYTES);
  for (const answer of [again.ready, list.body]) {
    assert.ok(bytes(answer) <= READY_BYTES && bytes(answer) > READY_BYTES / 2, `${bytes(answer)} bytes`);
    const found = groups.map((id) => answer.groups.find((group) => group.id === id));
    assert.deepEqual(found.map(({ partial, channels }) => [partial, channels?.length]), [[undefined, 181], [true, undefined], [undefined, 3]]);
  }
  const whole = await again.ok('group:get', { groupId: groups[1] });
  assert.equal(whole.channels.length, 181);
  assert.deepEqual((await vt.http('GET', `/api/v1/groups/${groups[1]}`, { token: owner.token })).body, whole);
  const [stranger] = await vt.people(1);
  await stranger.refused('group:get', { groupId: groups[1] }, 'group_not_found');
});

test('sockets that ask for much and read nothing wait for their answers, and cost little', async () => {
  const { owner, groups } = await huge;
  const held = async () => Number(await vt.server.metric('process_resident_memory_bytes'));
  const before = await held();
  const idle = await Promise.all(upTo(20).map(() => rawSocket(vt.server, owner.token)));
  idle.forEach(({ socket }) => socket.pause());
  for (const { socket } of idle) for (const id of upTo(40)) socket.send(`42${id}["group:get",{"groupId":"${groups[0]}"}]`);
  const asked = async () => vt.server.metric('vibetalk_events_received_total', { event: 'group:get', outcome: 'ok' });
  let answered = -1;
  await until(async () => {
    const now = await asked();
    const stopped = now === answered && now > 20;
    answered = now;
    if (!stopped) await new Promise((resolve) => setTimeout(resolve, 500));
    return stopped;
  }, 60_000, 'the answers do not stop');
  const grown = (await held()) - before;
  assert.ok(answered < 20 * 40, `all ${answered} requests were carried out`);
  assert.ok(grown < 600e6, `${Math.round(grown / 1e6)} MB more`);
  await owner.ok('typing:start', { channelId: official(owner).channelId });
  // One of them reads again, and gets everything.
  idle[0].socket.resume();
  await idle[0].has('4339[', 60_000);
  idle.forEach(({ socket }) => socket.terminate());
});

test('pushes that wait for a client are bounded in bytes, too', async () => {
  const few = await suite({ set: { 'limits.pushes_queued_bytes': 4_000_000 } });
  const [sender] = await few.people(1);
  const { channelId, invite } = await makeGroup(sender);
  const reader = await few.person();
  await few.http('POST', `/api/v1/invites/${invite.code}/accept`, { token: reader.accessToken });
  const { sid } = await pollingSession(few.server, reader.accessToken);
  const publish = (count) => Promise.all(upTo(count).map(() => sender.ok('message:create', { channelId, content: '漢'.repeat(3990) }, BURST_MS)));
  const closed = () => few.server.metric('vibetalk_disconnects_total', { reason: 'slow_consumer' });
  await publish(300); // 3.7 MB
  await few.fence(sender);
  assert.equal(await closed(), 0);
  // A poll takes a megabyte, and makes room for as much and not for more.
  assert.equal((await poll(few.server, `sid=${sid}`)).status, 200);
  await publish(70);
  await few.fence(sender);
  assert.equal(await closed(), 0);
  await publish(100);
  // Whoever has seen what follows shows that all of it went round, so it is being closed by now.
  await few.fence(sender);
  await until(async () => (await closed()) === 1, 10_000, 'it is still connected');
});

test('two thousand groups at once over five sessions: the limit of 200 holds', async () => {
  const own = await suite();
  const clients = await sessions(own, 5);
  const answers = (await Promise.all(clients.map((client) =>
    Promise.all(upTo(400).map(() => client.request('group:create', { name: 'one of many' }, BURST_MS)))))).flat();
  assert.deepEqual([passed(answers), codes(answers)], [200, ['conflict', 'ok']]);
  assert.equal((await own.http('GET', '/api/v1/groups', { token: clients[0].token })).body.groups.length, 201);
});

test('messages have a rate by person, and a stricter one in the official group', async () => {
  const clients = await sessions(limited, 5);
  const [{ channelId }, own] = [official(clients[0]), await makeGroup(clients[0])];
  const send = async (to) => {
    const startedAt = performance.now();
    const answers = (await Promise.all(clients.map((client) =>
      Promise.all(upTo(20).map(() => client.request('message:create', { channelId: to, content: 'flood' }, BURST_MS)))))).flat();
    const refused = answers.filter(({ ok }) => !ok);
    assert.ok(refused.every(({ error }) => error.code === 'rate_limited' && error.retryAfterMs > 0));
    return { count: passed(answers), seconds: (performance.now() - startedAt) / 1000, refused };
  };
  const inOfficial = await send(channelId);
  assert.ok(inOfficial.count >= 5 && inOfficial.count <= 6 + inOfficial.seconds, `${inOfficial.count} in the official group`);
  const inOwn = await send(own.channelId);
  assert.ok(inOwn.count >= 20 && inOwn.count <= 31 + 10 * (inOwn.seconds + inOfficial.seconds), `${inOwn.count} in their own`);
  await new Promise((resolve) => setTimeout(resolve, inOwn.refused.at(-1).error.retryAfterMs + 50));
  const { id } = await clients[1].ok('message:create', { channelId: own.channelId, content: 'after a while' });
  const edits = await Promise.all(upTo(100).map((n) => clients[2].request('message:update', { channelId: own.channelId, messageId: id, content: `${n}` }, BURST_MS)));
  assert.deepEqual(codes(edits), ['ok', 'rate_limited'].slice(passed(edits) ? 0 : 1), 'edits count as well');
  const [other] = await limited.people(1);
  await other.ok('message:create', { channelId, content: 'others may' });
});

test('groups, channels and invites have a rate by person', async () => {
  const clients = await sessions(limited, 3);
  const { groupId } = await makeGroup(clients[0]);
  const [one, two, three] = await Promise.all([
    Promise.all(upTo(40).map(() => clients[0].request('group:create', { name: 'one of many' }, BURST_MS))),
    Promise.all(upTo(40).map(() => clients[1].request('channel:create', { groupId, name: 'one of many' }, BURST_MS))),
    Promise.all(upTo(40).map(() => clients[2].request('invite:create', { groupId }, BURST_MS))),
  ]);
  const answers = [...one, ...two, ...three];
  // The group and its invite count, too; a minute may begin anew meanwhile on a slow machine.
  assert.ok(passed(answers) === 58 || passed(answers) === 59 || passed(answers) > 100, `${passed(answers)} were made`);
  assert.deepEqual(codes(answers), ['ok', 'rate_limited'].slice(0, passed(answers) < 120 ? 2 : 1));
  const other = await limited.connect(await limited.person());
  await other.ok('group:create', { name: 'others may' });
});
