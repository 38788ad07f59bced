/** Packets and requests written by hand: whatever comes is answered or closed, and the server goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import * as raws from './lib/raw.mjs';
import { official, suite } from './lib/suite.mjs';
import { deadline, once, until } from './lib/wait.mjs';

const vt = await suite();
const [witness] = await vt.people(1);
const { token, person } = witness;
const base = raws.engineUrl(vt.server);
const poll = (query, body) => raws.poll(vt.server, query, body);
const pollingSession = () => raws.pollingSession(vt.server, token);
const rawSocket = ({ connected = true } = {}) => raws.rawSocket(vt.server, connected ? token : undefined);
const { channelId } = official(witness);

/** Somebody else's connection and the API are as before. */
async function assertAlive() {
  await witness.ok('typing:start', { channelId });
  assert.equal((await vt.http('GET', '/readyz')).status, 200);
}

const isClosed = (raw) => deadline(raw.closed, 5000, 'the connection is still open');

test('the handshake: ping interval, upgrades, and a session id with owner and mac', async () => {
  const { status, text } = await poll('');
  assert.equal(status, 200);
  const handshake = JSON.parse(text.slice(1));
  assert.match(handshake.sid, /^n0\.[\w-]+\.[\w-]+$/);
  assert.deepEqual(handshake.upgrades, ['websocket']);
  assert.equal(handshake.pingInterval, 20_000);
});

test('a forged, foreign or unknown session id is 400, and the session it imitates lives', async () => {
  const { sid, socketId } = await pollingSession();
  const [node, bare, mac] = sid.split('.');
  const flipped = mac.startsWith('A') ? `B${mac.slice(1)}` : `A${mac.slice(1)}`;
  const forgeries = [
    socketId, bare, `${node}.${bare}`, `${node}.${bare}.`, `${node}.${bare}.${flipped}`, `n1.${bare}.${mac}`, `n0.${socketId}.${mac}`,
    `${sid}x`, `${sid}.x`, `.${sid}`, sid.slice(0, -1), sid.toUpperCase() === sid ? sid.toLowerCase() : sid.toUpperCase(), 'x', '', 'n0..', 'n999999999999.x.y', '..', 'x'.repeat(2000),
  ];
  // The middle of a session id may be the public socket id: it is the mac that is secret.
  for (const forged of forgeries.filter((text) => text !== '' && text !== sid)) {
    for (const body of [undefined, '41']) {
      const { status } = await poll(`sid=${encodeURIComponent(forged)}`, body);
      assert.ok([400, 404].includes(status), `${forged.slice(0, 80)}: ${status}`);
    }
    const socket = new WebSocket(`${base.replace('http', 'ws')}?EIO=4&transport=websocket&sid=${encodeURIComponent(forged)}`);
    const [cause] = await once(socket, 'error');
    assert.match(cause.message, /40[04]|hang up/, forged.slice(0, 80));
  }
  assert.equal((await poll(`sid=${sid}`, `420["typing:start",${JSON.stringify({ channelId })}]`)).status, 200);
  await until(async () => (await poll(`sid=${sid}`)).text.includes('430[{'), 5000, 'the imitated session does not answer');
});

test('bad handshakes are 400', async () => {
  for (const query of ['', '?EIO=4', '?transport=polling', '?EIO=9&transport=polling', '?EIO=4&transport=carrier-pigeon', '?EIO=4&transport=websocket', '?EIO=x&transport=polling']) {
    const { status } = await fetch(base + query);
    assert.ok(status >= 400 && status < 500, `${query}: ${status}`);
  }
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const { status } = await fetch(`${base}?EIO=4&transport=polling`, { method });
    assert.ok(status >= 400 && status < 500, `${method}: ${status}`);
  }
  await assertAlive();
});

test('undecodable Socket.IO packets close the connection', async () => {
  const packets = [
    '42', '42[', '42{}', '42{"a":1}', '42[]', '42[1,{}]', '42[null]', '42"message:create"', '421', '421[', '42["a"', '42["a",]', '42["message:create",NaN]', '42["message:create",{a:1}]',
    '47', '4x', '49["a"]', '45', '451-', '45x-["a"]', '451-["a"', '46', '42/nowhere', '42[[]]',
  ];
  for (const packet of packets) {
    const raw = await rawSocket();
    raw.socket.send(packet);
    // Each is closed; a decoder that can make sense of one may answer it, but then has to go on answering.
    const outcome = await Promise.race([raw.closed.then(() => 'closed'), (async () => {
      await delay(300);
      raw.socket.send(`427["typing:start",${JSON.stringify({ channelId })}]`);
      await raw.has('437[', 5000).catch(() => {});
      return raw.messages.some((text) => text.startsWith('437[')) ? 'lives' : 'deaf';
    })()]);
    assert.notEqual(outcome, 'deaf', packet);
    raw.socket.terminate();
  }
  await assertAlive();
});

test('broken JSON closes the connection', async () => {
  for (const packet of ['42[', '42["a"', '42["message:create",NaN]', '42["message:create",{a:1}]', '421["message:create",{"a":}]']) {
    const raw = await rawSocket();
    raw.socket.send(packet);
    await isClosed(raw);
  }
});

test('unknown Engine.IO packet types close the connection', async () => {
  for (const packet of ['9', 'x', '', '8data', '\u0000', 'b', 'bAAAA!!', '7']) {
    const raw = await rawSocket();
    raw.socket.send(packet);
    await isClosed(raw).catch((cause) => { throw new Error(`${JSON.stringify(packet)}: ${cause.message}`); });
  }
  await assertAlive();
});

test('binary frames nobody announced, and announced ones that never come, harm nobody', async () => {
  const unannounced = await rawSocket();
  unannounced.socket.send(Buffer.from('surprise'));
  const promised = await rawSocket();
  promised.socket.send('452-1["message:create",{"content":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":7}]');
  promised.socket.send('422["typing:start",{}]');
  const lying = await rawSocket();
  lying.socket.send('4599999999-1["message:create",{"_placeholder":true,"num":0}]');
  lying.socket.send('451-1["message:create",{"_placeholder":true,"num":-1}]');
  lying.socket.send(Buffer.alloc(10));
  await assertAlive();
  for (const raw of [unannounced, promised, lying]) raw.socket.terminate();
});

test('invalid UTF-8 in a text frame closes the connection', async () => {
  const raw = await rawSocket();
  raw.socket.send(Buffer.from([0x34, 0x32, 0xff, 0xfe, 0xfd]), { binary: false });
  await isClosed(raw);
  await assertAlive();
});

test('ack ids of any size', async () => {
  const raw = await rawSocket();
  const largest = Number.MAX_SAFE_INTEGER;
  raw.socket.send(`42${largest}["typing:start",${JSON.stringify({ channelId })}]`);
  await raw.has(`43${largest}[`);
  raw.socket.send('4299999999999999999999999999["typing:start",{}]');
  await Promise.race([raw.closed, delay(500)]);
  await assertAlive();
  raw.socket.terminate();
});

test('acks of the client for nothing that was asked are ignored', async () => {
  const raw = await rawSocket();
  for (const packet of ['431[]', '430["x"]', '43999999[{}]']) raw.socket.send(packet);
  raw.socket.send(`428["typing:start",${JSON.stringify({ channelId })}]`);
  await raw.has('438[');
  raw.socket.terminate();
});

test('nothing is answered before CONNECT, nor after a refused one', async () => {
  for (const first of [undefined, '40{"token":"rubbish"}']) {
    const raw = await rawSocket({ connected: false });
    if (first) {
      raw.socket.send(first);
      await raw.has('44');
    }
    raw.socket.send(`421["message:create",${JSON.stringify({ channelId, content: 'unauthenticated' })}]`);
    await Promise.race([raw.closed, delay(500)]);
    assert.equal(raw.messages.some((text) => text.startsWith('43') || text.startsWith('42')), false);
    raw.socket.terminate();
  }
  await vt.fence(witness);
  assert.deepEqual(witness.seen('message:created', ({ content }) => content === 'unauthenticated'), []);
});

test('a second CONNECT gives no second person and no second ready in disorder', async () => {
  const other = await vt.person();
  const raw = await rawSocket();
  raw.socket.send(`40${JSON.stringify({ token: other.accessToken })}`);
  raw.socket.send(`425["message:create",${JSON.stringify({ channelId, content: 'who am I', nonce: 'second connect' })}]`);
  await Promise.race([raw.closed, raw.has('435[').catch(() => {})]);
  await vt.fence(witness);
  const [message] = witness.seen('message:created', ({ nonce }) => nonce === 'second connect');
  if (message) assert.equal(message.author.id, person.id);
  raw.socket.terminate();
  await assertAlive();
});

test('a connection whose namespace is disconnected is soon deaf to requests, and hears nothing', async () => {
  const raw = await rawSocket();
  raw.socket.send('41');
  let asked = 0;
  const deaf = () => {
    raw.socket.send(`42${(asked += 1)}["typing:start",${JSON.stringify({ channelId })}]`);
    return Promise.race([raw.closed.then(() => true), raw.has(`43${asked}[`, 1000).then(() => false, () => true)]);
  };
  await until(deaf, 5000, 'every request is still answered');
  const heard = raw.messages.length;
  const { id } = await witness.say(channelId, 'whoever left does not hear this');
  await vt.fence(witness);
  assert.deepEqual(raw.messages.slice(heard).filter((text) => text.includes(id)), []);
  raw.socket.terminate();
});

test('malformed polling bodies are 400 or end their session', async () => {
  for (const body of ['', 'x', '9', '42[', '\u001e', '\u001e\u001e\u001e', '4\u001e4', 'b!!!', '40\u001e42["a"', '2'.repeat(10), `40\u001e${'4'.repeat(5000)}`, '4:', '999:4abc']) {
    const { text } = await poll('');
    const { sid } = JSON.parse(text.slice(1));
    const { status } = await poll(`sid=${sid}`, body);
    assert.ok(status === 200 || (status >= 400 && status < 500), `${JSON.stringify(body).slice(0, 40)}: ${status}`);
  }
  await assertAlive();
});

test('a polling body over the limit is refused', async () => {
  const { sid } = await pollingSession();
  const { status } = await poll(`sid=${sid}`, `42["x","${'x'.repeat(1_200_000)}"]`).catch(() => ({ status: 413 }));
  assert.ok(status >= 400, String(status));
  await assertAlive();
});

test('two polls of one session at once, and polling a WebSocket session, are refused', async () => {
  const { sid } = await pollingSession();
  const isRefused = async () => assert.equal((await poll(`sid=${sid}`)).status, 400);
  await Promise.any([isRefused(), isRefused()]);
  const raw = await rawSocket();
  const open = raw.messages.find((text) => text.startsWith('0{'));
  const { status } = await poll(`sid=${JSON.parse(open.slice(1)).sid}`);
  assert.equal(status, 400);
  await assertAlive();
});

test('an upgrade probe that goes wrong harms nobody else', async () => {
  for (const packets of [['2wrong'], ['5'], ['2probe', 'x'], ['40'], []]) {
    const { sid } = await pollingSession();
    const socket = new WebSocket(`${base.replace('http', 'ws')}?EIO=4&transport=websocket&sid=${sid}`);
    socket.on('error', () => {});
    await once(socket, 'open');
    packets.forEach((packet) => socket.send(packet));
    socket.terminate();
  }
  await assertAlive();
});

test('Engine.IO 3 by hand: the length-prefixed polling payload', async () => {
  const response = await fetch(`${base}?EIO=3&transport=polling&token=${token}`);
  assert.equal(response.status, 200);
  assert.match(await response.text(), /^\d+:0\{"sid":"n0\./);
});

test('hundreds of connections that say nothing leave the server as it was', async () => {
  const silent = await Promise.all(Array.from({ length: 300 }, () => rawSocket({ connected: false })));
  await assertAlive();
  silent.forEach(({ socket }) => socket.terminate());
  await assertAlive();
});
