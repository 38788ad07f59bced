/** Engine.IO and Socket.IO packets by hand: long polling with fetch, and bare WebSockets. */
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { once, until } from './wait.mjs';

const POLL_MS = 10_000;

export const engineUrl = (server) => `${server.url}/socket.io/`;

/** One request of a polling session (a POST if there is a body): `{ status, text }`. */
export async function poll(server, query, body) {
  const response = await fetch(`${engineUrl(server)}?EIO=4&transport=polling&${query}`, {
    method: body === undefined ? 'GET' : 'POST', body, signal: AbortSignal.timeout(POLL_MS),
  });
  return { status: response.status, text: await response.text() };
}

/** A polling session that has sent CONNECT and got `ready`, so that nothing waits to be polled: `{ sid, socketId }`. */
export async function pollingSession(server, token) {
  const { text } = await poll(server, '');
  const { sid } = JSON.parse(text.slice(1));
  assert.equal((await poll(server, `sid=${sid}`, `40${JSON.stringify({ token })}`)).status, 200);
  let received = '';
  while (!received.includes('42["ready"')) {
    const answer = await poll(server, `sid=${sid}`);
    assert.equal(answer.status, 200);
    received += answer.text;
    assert.doesNotMatch(received, /44\{/, 'CONNECT was refused');
  }
  return { sid, socketId: JSON.parse(/40(\{[^}]*\})/.exec(received)[1]).sid };
}

/**
 * A WebSocket that collects its `messages`, `has` waits for one, and answers pings. With a token it also sends CONNECT
 * and waits for `ready`.
 */
export async function rawSocket(server, token, { eio = 4, query = '' } = {}) {
  const socket = new WebSocket(`${engineUrl(server).replace('http', 'ws')}?EIO=${eio}&transport=websocket${query}`);
  const raw = { socket, messages: [] };
  raw.closed = new Promise((resolve) => socket.once('close', (code) => resolve(code)));
  raw.has = (text, timeoutMs = 5000) => until(() => raw.messages.find((message) => message.startsWith(text)), timeoutMs, `no ${text} came`);
  socket.on('error', () => {});
  socket.on('message', (bytes) => {
    const text = String(bytes);
    raw.messages.push(text);
    if (text === '2' && eio === 4) socket.send('3');
  });
  await once(socket, 'open');
  if (token) {
    socket.send(`40${JSON.stringify({ token })}`);
    await raw.has('42["ready"');
  }
  return raw;
}
