/** The core flow for every client version over every transport: chat, order, upgrade under traffic, reconnects. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cut, transportsByName, versions } from './lib/client.mjs';
import { startProxy } from './lib/proxy.mjs';
import { makeGroup, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const vt = await suite();
const [owner, observer] = await vt.people(2);
const { groupId } = await makeGroup(owner, observer);

const BURST = 200;

/** A person in the group with a channel of their own to count in. */
async function newcomer(options) {
  const person = await vt.person();
  const joining = await vt.connect(person);
  const { code } = await owner.ok('invite:create', { groupId });
  await joining.ok('invite:accept', { code });
  joining.close();
  const { id } = await owner.ok('channel:create', { groupId, name: 'transports' });
  return { client: await vt.connect(person, options), channelId: id, person };
}

const numbers = (messages) => messages.map(({ content }) => Number(content));
const upTo = (count) => Array.from({ length: count }, (_, index) => index);
const inChannel = (channelId) => (message) => message.channelId === channelId;

/** Waits until this client has the last message of the channel, then answers all of them in their order of arrival. */
async function received(client, channelId, last) {
  await client.next('message:created', (message) => message.channelId === channelId && message.content === String(last), 30_000);
  return numbers(client.seen('message:created', inChannel(channelId)));
}

for (const version of Object.keys(versions)) {
  for (const transport of Object.keys(transportsByName)) {
    describe(`${version} over ${transport}`, () => {
      const options = { version, transport };

      test('chats', async () => {
        const { client, channelId } = await newcomer(options);
        const message = await client.say(channelId, 'hello 👋', { nonce: 'n1' });
        assert.deepEqual(await client.next('message:created', ({ id }) => id === message.id), message);
        assert.deepEqual(await observer.next('message:created', ({ id }) => id === message.id), message);
        const answer = await observer.say(channelId, 'hello back', { replyToId: message.id });
        assert.equal((await client.next('message:created', ({ id }) => id === answer.id)).replyTo.id, message.id);
        const edited = await client.ok('message:update', { channelId, messageId: message.id, content: 'edited' });
        assert.deepEqual(await observer.next('message:updated', ({ id }) => id === message.id), edited);
        await observer.ok('reaction:add', { channelId, messageId: message.id, emoji: '👍' });
        assert.equal((await client.next('reaction:added', ({ messageId }) => messageId === message.id)).userId, observer.id);
        await client.ok('message:delete', { channelId, messageId: message.id });
        await observer.next('message:deleted', ({ messageId }) => messageId === message.id);
        await client.refused('message:update', { channelId, messageId: message.id, content: 'x' }, 'message_not_found');
        if (transport === 'upgrade') await until(() => client.transport === 'websocket', 10_000, 'it never upgraded');
        else assert.equal(client.transport, transport);
      });

      test(`a burst of ${BURST} keeps its order, in acks, pushes and history`, async () => {
        const { client, channelId } = await newcomer(options);
        const acked = [];
        await Promise.all(upTo(BURST).map((number) => client.say(channelId, String(number)).then((message) => acked.push(message))));
        assert.deepEqual(numbers(acked), upTo(BURST));
        assert.deepEqual(await received(client, channelId, BURST - 1), upTo(BURST));
        assert.deepEqual(await received(observer, channelId, BURST - 1), upTo(BURST));
        const newest = await client.ok('message:list', { channelId, limit: 100 });
        assert.deepEqual(numbers(newest.messages), upTo(BURST).slice(-100).reverse());
      });

      test('takes what others send in the meantime, in order and once', async () => {
        const { client, channelId } = await newcomer(options);
        const others = await Promise.all(upTo(BURST).map((number) => owner.say(channelId, String(number))));
        assert.equal(others.length, BURST);
        assert.deepEqual(await received(client, channelId, BURST - 1), upTo(BURST));
      });

      test('comes back after a cut, and repeats with the same nonce what was not acked', async () => {
        const proxy = await startProxy(vt.server.port);
        const { client, channelId } = await newcomer({ ...options, url: proxy.url, reconnect: true });
        if (transport === 'upgrade') await until(() => client.transport === 'websocket', 10_000, 'it never upgraded');
        // Over polling a POST that is never answered, such as that of a pong, would hold the request back.
        await until(() => client.engine.transport.writable, 10_000, 'it is still sending');
        proxy.mute();
        const request = { channelId, content: 'acked into the void', nonce: `lost ${version} ${transport}` };
        const lost = assert.rejects(client.request('message:create', request), Cut);
        const stored = await observer.next('message:created', ({ nonce }) => nonce === request.nonce);
        proxy.cut();
        await lost;
        await client.isReady();
        assert.equal((await client.ok('message:create', request)).id, stored.id);
        const { messages } = await client.ok('message:list', { channelId });
        assert.deepEqual(messages.map(({ id }) => id), [stored.id]);
        await vt.fence(observer);
        assert.equal(observer.seen('message:created', ({ nonce }) => nonce === request.nonce).length, 1);
        client.close();
        await proxy.stop();
      });
    });
  }

  test(`${version}: an upgrade under traffic loses, doubles and reorders nothing`, async () => {
    for (let round = 0; round < 4; round += 1) {
      const { channelId, person, client: first } = await newcomer({});
      first.close();
      const client = vt.open(person, { version, transport: 'upgrade' });
      const acked = [];
      let count = 0;
      const outward = (async () => {
        while (client.engine?.transport?.name !== 'websocket' || count < 60) {
          const wave = upTo(5).map(() => String(count++));
          await Promise.all(wave.map((text) => client.say(channelId, text).then((message) => acked.push(message))));
          if (count > 5000) break;
        }
      })();
      const inward = (async () => { for (const number of upTo(40)) await owner.say(channelId, `from outside ${number}`); })();
      await Promise.all([outward, inward]);
      await client.isReady();
      assert.equal(client.transport, 'websocket');
      assert.deepEqual(numbers(acked), upTo(count));
      const last = await owner.say(channelId, 'last');
      await client.next('message:created', ({ id }) => id === last.id);
      const pushed = client.seen('message:created', inChannel(channelId)).map(({ content }) => content);
      const outside = pushed.filter((text) => text.startsWith('from'));
      // What was stored before `ready` is in the history, not in pushes: the pushes are the tail of everything.
      assert.deepEqual(outside, upTo(40).map((number) => `from outside ${number}`).slice(40 - outside.length));
      const own = pushed.filter((text) => /^\d+$/.test(text)).map(Number);
      assert.deepEqual(own, upTo(count).slice(count - own.length));
      assert.ok(own.length > 0);
      client.close();
    }
  });
}

test('clients of all versions and transports see one order', async () => {
  const { channelId } = await newcomer({});
  const readers = [];
  for (const version of Object.keys(versions)) {
    for (const transport of Object.keys(transportsByName)) readers.push(await vt.connect(observer.person, { version, transport }));
  }
  const senders = [owner, observer, ...(await Promise.all([1, 2].map(() => vt.device(owner.person))))];
  await Promise.all(senders.map(async (sender, index) => {
    for (const number of upTo(40)) await sender.say(channelId, `${index} ${number}`);
  }));
  const last = await owner.say(channelId, 'last');
  const orders = await Promise.all(readers.map(async (reader) => {
    await reader.next('message:created', ({ id }) => id === last.id);
    return reader.seen('message:created', inChannel(channelId)).map(({ id }) => id);
  }));
  assert.equal(orders[0].length, 161);
  for (const order of orders) assert.deepEqual(order, orders[0]);
});

test('without Engine.IO 3, v2 is refused and the others go on', async () => {
  const { startServer } = await import('./lib/server.mjs');
  const server = await startServer({ set: { 'gateway.allow_eio3': false } });
  try {
    const { status } = await fetch(`${server.url}/socket.io/?EIO=3&transport=polling`);
    assert.equal(status, 400);
    assert.equal((await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`)).status, 200);
  } finally {
    await server.stop();
  }
});
