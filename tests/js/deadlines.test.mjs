/** How long the server waits for those who have not said who they are. All of them start at once and are waited for in turn. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { poll, rawSocket } from './lib/raw.mjs';
import { official, suite } from './lib/suite.mjs';
import { deadline, until } from './lib/wait.mjs';

const vt = await suite();
const [witness] = await vt.people(1);
const CONNECT_MS = 15_000;
const HEAD_MS = 10_000;
/** The server's timers may be late on a busy machine, never early. */
const LATE_MS = 5000;

/** Answers after how many milliseconds the other side closed. */
function lifetime(closed, timeoutMs) {
  const startedAt = performance.now();
  return deadline(closed.then(() => performance.now() - startedAt), timeoutMs + LATE_MS, 'still open');
}

/** A TCP connection on which `say` is done once it is up; answers how long it lived. */
async function connection(say) {
  const socket = net.connect(vt.server.port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const speaking = say(socket);
  const closed = new Promise((resolve) => socket.resume().on('error', () => {}).once('close', resolve));
  const answer = await lifetime(closed, HEAD_MS).catch((cause) => cause);
  clearInterval(speaking);
  socket.destroy();
  return answer;
}

/** A session that never gets past `first`; answers how long it lived. */
async function session(first, options) {
  const raw = await rawSocket(vt.server, undefined, options);
  if (first) raw.socket.send(first);
  return lifetime(raw.closed, CONNECT_MS).catch((cause) => cause);
}

const limits = {
  'a WebSocket that never sends CONNECT': [CONNECT_MS, session()],
  'a WebSocket whose CONNECT was refused': [CONNECT_MS, session('40{"token":"rubbish"}')],
  'a WebSocket of Engine.IO 3 without a token': [CONNECT_MS, session(undefined, { eio: 3 })],
  'a WebSocket that asks before it has said who it is': [CONNECT_MS, session('421["user:search",{"query":"x"}]')],
  'a connection that sends nothing': [HEAD_MS, connection(() => {})],
  'a connection that sends its head byte by byte': [HEAD_MS, connection((socket) => {
    socket.write('GET /healthz HTTP/1.1\r\nx-slow: ');
    return setInterval(() => socket.write('x'), 500);
  })],
};
const polling = JSON.parse((await poll(vt.server, '')).text.slice(1)).sid;

for (const [who, [limitMs, life]] of Object.entries(limits)) {
  test(`${who} is closed after at most ${limitMs / 1000} s`, async () => {
    const livedMs = await life;
    assert.ok(livedMs <= limitMs + LATE_MS, String(livedMs));
  });
}

test('those who only hesitate are given their time', async () => {
  for (const who of ['a WebSocket that never sends CONNECT', 'a connection that sends nothing']) {
    const [limitMs, life] = limits[who];
    assert.ok((await life) > limitMs - 1000, `${who}: ${await life} ms`);
  }
});

test('a polling session that never sends CONNECT is gone then, too', async () => {
  const gone = async () => (await poll(vt.server, `sid=${polling}`)).status === 400;
  await until(gone, LATE_MS, 'the session is still there');
});

test('those who have said who they are stay', async () => {
  await witness.ok('typing:start', { channelId: official(witness).channelId });
  assert.equal(witness.disconnects.length, 0);
});
