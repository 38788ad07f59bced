/** Clients that read too slowly: nothing is lost before they are closed, nobody else notices, and afterwards they find everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BURST_MS } from './lib/client.mjs';
import { poll, pollingSession, rawSocket } from './lib/raw.mjs';
import { makeGroup, suite } from './lib/suite.mjs';
import { deadline, until } from './lib/wait.mjs';

/** The longest message (12 kB): a few hundred fill the buffers of both kernels (less than 6 MB). */
const BIG = '漢'.repeat(3990);
const KERNEL_MESSAGES_MAX = 500;
const QUEUED_MAX = 1000;
const STALL_MS = 10_000;

const upTo = (count) => Array.from({ length: count }, (_, number) => number);
const ids = (messages) => messages.map(({ id }) => id);

/** A server with a group of a sender, a witness who reads everything, and a raw connection that reads until it is paused. */
async function scene() {
  const vt = await suite();
  const [sender, witness] = await vt.people(2);
  const { channelId, invite } = await makeGroup(sender, witness);
  const reader = await vt.person();
  await vt.http('POST', `/api/v1/invites/${invite.code}/accept`, { token: reader.accessToken });
  const since = new Date().toISOString();
  const slow = await rawSocket(vt.server, reader.accessToken);
  return {
    vt, sender, witness, reader, channelId, since, slow,
    pushed: () => slow.messages.filter((text) => text.startsWith('42["message:created"')).map((text) => JSON.parse(text.slice(2))[1]),
    closed: () => vt.server.metric('vibetalk_disconnects_total', { reason: 'slow_consumer' }),
    /** Sends `count` numbered messages at once and answers them in their order. */
    publish: (count, content = BIG) => Promise.all(upTo(count).map((number) => sender.ok('message:create', { channelId, content: `${content}${number}` }, BURST_MS))),
  };
}

/** Everything that is newer than `cursor`, as a client finds it after a reconnect. */
async function catchUp(client, channelId, cursor, since) {
  const { channels } = await client.ok('session:sync', { channels: { [channelId]: cursor }, since });
  if (channels[channelId].complete) return channels[channelId].messages;
  const found = [];
  for (let after = cursor, more = true; more; after = found.at(-1).id) {
    const page = await client.ok('message:list', { channelId, after, limit: 100 });
    found.push(...page.messages.reverse());
    more = page.hasMore;
  }
  return found;
}

/** What arrived is the beginning of what was sent, without a hole; the sync brings the rest; and the witness has it all. */
async function assertNoHole({ vt, slow, pushed, reader, witness, channelId, since }, sent) {
  slow.socket.resume();
  await deadline(slow.closed, 5000, 'the connection is still open');
  const got = ids(pushed());
  assert.deepEqual(got, ids(sent).slice(0, got.length));
  assert.ok(got.length < sent.length, 'it was closed although it had everything');
  const missed = await catchUp(await vt.connect(reader), channelId, got.at(-1) ?? '0', since);
  assert.deepEqual([...new Set([...got, ...ids(missed)])].sort(), ids(sent).sort());
  await witness.next('message:created', ({ id }) => id === sent.at(-1).id);
  assert.deepEqual(ids(witness.seen('message:created', (message) => message.channelId === channelId)), ids(sent));
  assert.deepEqual(witness.disconnects, []);
}

/** Starts at once and is waited for below, because most of it is waiting. */
const stall = (async () => {
  const own = await scene();
  own.slow.socket.pause();
  const sent = await own.publish(QUEUED_MAX - 100);
  const startedAt = performance.now();
  await until(async () => (await own.closed()) === 1, STALL_MS + 5000, 'it is still connected');
  return { own, sent, tookMs: performance.now() - startedAt };
})();
stall.catch(() => {});

test(`a polling client that does not poll is closed beyond ${QUEUED_MAX} queued pushes, not before`, async () => {
  const { vt, slow, reader, witness, channelId, publish, closed } = await scene();
  slow.socket.terminate();
  const { sid } = await pollingSession(vt.server, reader.accessToken);
  await publish(QUEUED_MAX - 100, 'small ');
  await vt.fence(witness);
  assert.equal(await closed(), 0);
  await publish(200, 'small ');
  await until(async () => (await closed()) === 1, 2000, 'it is still connected');
  assert.equal((await poll(vt.server, `sid=${sid}`)).status, 400);
  await witness.ok('typing:start', { channelId });
});

test(`a WebSocket that reads nothing is closed beyond ${QUEUED_MAX} queued pushes or after ${STALL_MS / 1000} s`, async () => {
  const own = await scene();
  own.slow.socket.pause();
  const startedAt = performance.now();
  const sent = [];
  while ((await own.closed()) === 0 && sent.length < 3 * QUEUED_MAX) sent.push(...(await own.publish(100)));
  const tookMs = performance.now() - startedAt;
  assert.equal(await own.closed(), 1, `${sent.length} messages and ${tookMs} ms later it is still connected`);
  assert.ok(sent.length > QUEUED_MAX || tookMs > STALL_MS - 500, `closed after ${sent.length} messages and ${tookMs} ms`);
  assert.ok(sent.length <= QUEUED_MAX + KERNEL_MESSAGES_MAX || tookMs > STALL_MS, `closed only after ${sent.length} messages`);
  await assertNoHole(own, sent);
});

test('a client that reads again in time was not slow: it gets everything, and its own acks do not count', async () => {
  const { channelId, slow, pushed, publish, closed } = await scene();
  const [first] = await publish(1);
  await slow.has('42["message:created"');
  slow.socket.pause();
  for (const number of upTo(700)) slow.socket.send(`42${number}["message:list",${JSON.stringify({ channelId, around: first.id, limit: 1 })}]`);
  const sent = [first, ...(await publish(800, 'small '))];
  slow.socket.resume();
  await until(() => pushed().length === sent.length, 20_000, `not all of ${sent.length} arrived`);
  assert.deepEqual(ids(pushed()), ids(sent));
  const acked = () => slow.messages.filter((text) => text.startsWith('43')).map((text) => Number(/^43(\d+)/.exec(text)[1]));
  await until(() => acked().length === 700, 20_000, 'not all acks arrived');
  assert.deepEqual(acked(), upTo(700));
  assert.equal(await closed(), 0);
  slow.socket.terminate();
});

test(`a WebSocket that reads nothing for ${STALL_MS / 1000} s is closed, however little is queued`, async () => {
  const { own, sent, tookMs } = await stall;
  assert.ok(tookMs < STALL_MS + 3000, `${tookMs} ms`);
  await assertNoHole(own, sent);
});
