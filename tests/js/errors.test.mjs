/** Whatever arrives is acked exactly once or ends its connection; and it never touches anybody else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requests } from './lib/contract.mjs';
import { Cut, versions } from './lib/client.mjs';
import { makeGroup, official, suite } from './lib/suite.mjs';

const vt = await suite();
const [owner] = await vt.people(1);
const { channelId } = await makeGroup(owner);

/** One client for each version and two transports. */
const clients = [];
for (const version of Object.keys(versions)) {
  for (const transport of ['websocket', 'polling']) clients.push(await vt.connect(owner.person, { version, transport }));
}

for (const client of clients) {
  const name = `${client.version} over ${client.transport}`;

  test(`${name}: unknown events are unknown_event`, async () => {
    for (const event of ['message:destroy', 'x', '', 'MESSAGE:CREATE', 'toString', '__proto__', 'message:created', 'ready', 'e'.repeat(1000)]) {
      for (const args of [[], [{}], [null, 1]]) {
        assert.equal((await client.ask(event, args)).error?.code, 'unknown_event', JSON.stringify(event));
      }
    }
  });

  test(`${name}: names that JSON has to escape are unknown_event, and the connection goes on`, async () => {
    for (const event of ['\u0000', 'a\nb', 'my "event"', '"', '\\', '\ud83d', '\udc4d\ud83d', 'a\ud800b']) {
      assert.equal((await client.ask(event, [{}])).error?.code, 'unknown_event', JSON.stringify(event));
    }
  });

  test(`${name}: nothing, an array, a number, null and text are invalid_request for every event`, async () => {
    const payloads = [[], [[]], [7], [null], ['text'], [true]];
    const answers = await Promise.all(Object.keys(requests).flatMap((event) => payloads.map((args) => client.ask(event, args))));
    assert.deepEqual([...new Set(answers.map(({ error }) => error?.code))], ['invalid_request']);
  });

  test(`${name}: binary is invalid_request`, async () => {
    for (const payload of [Buffer.from('abc'), { channelId, content: Buffer.from('abc') }, { channelId: Buffer.from('1'), content: 'x' }, [Buffer.alloc(10)]]) {
      const answer = await client.request('message:create', payload);
      assert.equal(answer.error?.code, 'invalid_request', JSON.stringify(payload));
    }
    const { content } = await client.say(channelId, 'text goes on');
    assert.equal(content, 'text goes on');
  });

  test(`${name}: many attachments are refused or end the connection`, async () => {
    const victim = await vt.connect(owner.person, { version: client.version, transport: client.transport });
    const many = Array.from({ length: 200 }, () => Buffer.from('x'));
    const answer = await victim.request('message:create', { channelId, content: 'x', many }).catch((cause) => {
      if (!(cause instanceof Cut)) throw cause;
    });
    if (answer) assert.ok(answer.ok || ['invalid_request', 'too_large'].includes(answer.error.code));
    await client.say(channelId, 'others go on');
  });

  test(`${name}: an event without a callback is carried out`, async () => {
    const nonce = `no callback ${name}`;
    client.socket.emit('message:create', { channelId, content: 'no callback', nonce });
    await owner.next('message:created', (message) => message.nonce === nonce);
    client.socket.emit('message:create', { channelId });
    client.socket.emit('nonsense');
    client.socket.emit('message:create');
    await client.say(channelId, 'still here');
  });

  test(`${name}: acks come in the order of the requests`, async () => {
    const order = [];
    const mixed = Array.from({ length: 60 }, (_, index) => {
      const kinds = [['message:create', [{ channelId, content: String(index) }]], ['nonsense', []], ['message:list', [{ channelId, limit: 1 }]], ['message:create', [null]]];
      const [event, args] = kinds[index % kinds.length];
      return client.ask(event, args).then(() => order.push(index));
    });
    await Promise.all(mixed);
    assert.deepEqual(order, [...order].sort((a, b) => a - b));
  });
}

test('deeply nested and odd JSON is answered', async () => {
  const deep = (depth) => { let value = {}; for (let level = 0; level < depth; level += 1) value = { a: value }; return value; };
  for (const payload of [{ channelId, content: deep(50) }, { channelId, content: 1e308 }, { channelId, content: -0 }, { constructor: 1 }, { 'a\u0000': 1 }]) {
    await owner.refused('message:create', payload, 'invalid_request');
  }
  const victim = await vt.connect(owner.person);
  const answer = await victim.request('message:create', { channelId, content: 'x', unknown: deep(2000) }).catch((cause) => {
    if (!(cause instanceof Cut)) throw cause;
  });
  if (answer && !answer.ok) assert.equal(answer.error.code, 'invalid_request');
  await owner.say(channelId, 'the server goes on');
});

test('names of prototypes as ids and codes', async () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    await owner.refused('message:list', { channelId: name }, ['invalid_request', 'channel_not_found']);
    await owner.refused('invite:get', { code: name }, 'invite_not_found');
  }
});

test('an error says which field, in words without our internals', async () => {
  const { message } = await owner.refused('message:create', { channelId: official(owner).channelId, content: 7 }, 'invalid_request');
  assert.doesNotMatch(message, /sqlite|panick|src\/|\.rs\b|serde|unwrap/i);
});
