/** Clients that read too slowly: nothing is lost before they are closed, nobody else notices, and afterwards they find everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poll, pollingSession, rawSocket } from './lib/raw.mjs';
import { makeGroup, suite } from './lib/suite.mjs';
import { deadline, until } from './lib/wait.mjs';

const vt = await suite();
const [owner, sender, reader, witness] = await vt.people(4);
/** The longest message (12 kB), so that the buffers of both kernels are soon full. */
const BIG = '漢'.repeat(3990);
const QUEUED_MAX = 1000;
const STALL_MS = 10_000;

const numberOf = (message) => Number(message.content.slice(BIG.length));
const upTo = (count) => Array.from({ length: count }, (_, number) => number);
const slowConsumers = (server = vt.server) => server.metric('vibetalk_disconnects_total', { reason: 'slow_consumer' });

/** A group of its own with a sender, and a raw connection of `reader` that reads until it is paused. */
async function scene() {
  const { channelId } = await makeGroup(owner, sender, reader, witness);
  const slow = await rawSocket(vt.server, reader.token);
  const pushed = () => slow.messages.filter((text) => text.startsWith('42["message:created"'))
    .map((text) => JSON.parse(text.slice(2))[1]).filter((message) => message.channelId === channelId);
  return { channelId, slow, pushed };
}

/** Numbered messages, as many at once as do not wait for each other; answers them in their order. */
function publish(channelId, from, count, content = BIG) {
  return Promise.all(upTo(count).map((index) => sender.say(channelId, `${content}${from + index}`, { nonce: `${channelId} ${from + index}` })));
}

/** Everything of a channel that is newer than `cursor`, as a client finds it after a reconnect. */
async function catchUp(client, channelId, cursor) {
  const { channels } = await client.ok('session:sync', { channels: { [channelId]: cursor }, since: reader.ready.serverTime });
  if (channels[channelId].complete) return channels[channelId].messages;
  const found = [];
  for (let after = cursor, more = true; more; after = found.at(-1).id) {
    const page = await client.ok('message:list', { channelId, after, limit: 100 });
    found.push(...page.messages.reverse());
    more = page.hasMore;
  }
  return found;
}

/** What arrived is the beginning of what was sent, without a hole; and the sync brings the rest. */
async function assertNoHole({ channelId, pushed }, sent) {
  const got = pushed().map(({ id }) => id);
  assert.deepEqual(got, sent.slice(0, got.length).map(({ id }) => id));
  assert.ok(got.length < sent.length, 'it was closed although it had everything');
  const back = await vt.connect(reader.person);
  const missed = await catchUp(back, channelId, got.at(-1) ?? '0');
  assert.deepEqual([...new Set([...got, ...missed.map(({ id }) => id)])].sort(), sent.map(({ id }) => id).sort());
  back.close();
}

test(`a client that reads nothing is closed with more than ${QUEUED_MAX} packets queued or after ${STALL_MS / 1000} s, and others do not notice`, async () => {
  const own = await scene();
  const { channelId, slow } = own;
  const before = await slowConsumers();
  slow.socket.pause();
  const startedAt = performance.now();
  const sent = [];
  while ((await slowConsumers()) === before && sent.length < 5000) sent.push(...(await publish(channelId, sent.length, 100)));
  const tookMs = performance.now() - startedAt;
  assert.equal(await slowConsumers(), before + 1, `${sent.length} messages later it is still connected`);
  assert.ok(sent.length > QUEUED_MAX || tookMs > STALL_MS, `closed after ${sent.length} messages and ${tookMs} ms`);
  slow.socket.resume();
  await deadline(slow.closed, 5000, 'the connection is still open');
  await witness.next('message:created', ({ id }) => id === sent.at(-1).id);
  const seen = witness.seen('message:created', (message) => message.channelId === channelId).map(({ id }) => id);
  assert.deepEqual(seen, sent.map(({ id }) => id));
  await assertNoHole(own, sent);
});

test(`a client that reads again in time was not slow: it gets everything, with more than ${QUEUED_MAX} packets of which many are its own acks`, async () => {
  const { channelId, slow, pushed } = await scene();
  const [first] = await publish(channelId, 0, 1);
  await slow.has('42["message:created"');
  const before = await slowConsumers();
  slow.socket.pause();
  for (const number of upTo(700)) slow.socket.send(`42${number}["message:list",${JSON.stringify({ channelId, around: first.id, limit: 1 })}]`);
  const sent = [first, ...(await publish(channelId, 1, 800, 'small '))];
  slow.socket.resume();
  await until(() => pushed().length === sent.length, 20_000, `only ${pushed().length} of ${sent.length} arrived`);
  assert.deepEqual(pushed().map(({ id }) => id), sent.map(({ id }) => id));
  const acks = slow.messages.filter((text) => text.startsWith('43')).map((text) => Number(/^43(\d+)/.exec(text)[1]));
  assert.deepEqual(acks, upTo(700));
  assert.equal(await slowConsumers(), before);
  slow.socket.terminate();
});

test(`a polling client that does not poll is closed with ${QUEUED_MAX} packets queued, not before`, async () => {
  const { channelId, slow } = await scene();
  slow.socket.terminate();
  const before = await slowConsumers();
  const { sid } = await pollingSession(vt.server, reader.token);
  await publish(channelId, 0, QUEUED_MAX - 200, 'small ');
  assert.equal(await slowConsumers(), before);
  await publish(channelId, QUEUED_MAX - 200, 400, 'small ');
  await until(async () => (await slowConsumers()) === before + 1, 5000, 'it is still connected');
  assert.equal((await poll(vt.server, `sid=${sid}`)).status, 400);
  await witness.ok('typing:start', { channelId });
});
