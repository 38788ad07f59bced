/**
 * JSON that JavaScript and other languages read differently: one answer each, the same on a socket, over polling and
 * over HTTP, and no connection is closed for what is JSON. The texts are written by hand; what `JSON.stringify` makes of odd
 * values is tried with the real client.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poll, pollingSession, rawSocket } from './lib/raw.mjs';
import { makeGroup, suite } from './lib/suite.mjs';
import { deadline } from './lib/wait.mjs';

const vt = await suite();
const owner = await vt.connect(await vt.person());
const { groupId, channelId } = await makeGroup(owner);
const raw = await rawSocket(vt.server, owner.token);
let asked = 0;

/** The code of an answer, or `ok`. */
const codeOf = ({ ok, error }) => (ok ? 'ok' : error.code);

async function bySocket(event, json) {
  asked += 1;
  raw.socket.send(`42${asked}[${JSON.stringify(event)},${json}]`);
  const ack = await raw.has(`43${asked}[`);
  return JSON.parse(ack.slice(ack.indexOf('[')))[0];
}

async function byPolling(event, json) {
  const { sid } = await pollingSession(vt.server, owner.token);
  assert.equal((await poll(vt.server, `sid=${sid}`, `427[${JSON.stringify(event)},${json}]`)).status, 200);
  for (;;) {
    const { status, text } = await poll(vt.server, `sid=${sid}`);
    assert.equal(status, 200);
    const ack = text.split('\x1e').find((packet) => packet.startsWith('437['));
    if (ack) return JSON.parse(ack.slice(3))[0];
    if (text === '2') await poll(vt.server, `sid=${sid}`, '3');
  }
}

async function byHttp(method, route, text) {
  const { status, body } = await vt.http(method, `/api/v1/${route}`, { token: owner.token, raw: text });
  return status < 400 ? { ok: true, data: body } : body;
}

/** `channel:create`, whose fields the body of its route has as well: the code, and what is stored. */
async function check(fields, code, stored) {
  const inGroup = (json) => `{"groupId":"${groupId}",${json.trimStart().slice(1)}`;
  const answers = {
    socket: await bySocket('channel:create', inGroup(fields)),
    polling: await byPolling('channel:create', inGroup(fields)),
    http: await byHttp('POST', `groups/${groupId}/channels`, fields),
  };
  for (const [path, answer] of Object.entries(answers)) {
    assert.equal(codeOf(answer), code, `${path}: ${fields.slice(0, 200)}: ${JSON.stringify(answer).slice(0, 300)}`);
    if (!answer.ok) continue;
    for (const [key, value] of Object.entries(stored ?? {})) assert.deepEqual(answer.data[key], value, `${path}: ${key}`);
    await owner.ok('channel:delete', { channelId: answer.data.id });
  }
}

const slow = (number) => `{"name":"n","slowModeSeconds":${number}}`;
const deep = (levels) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

test('a whole number is one in any spelling, and nothing else is', async () => {
  for (const spelled of ['50', '50.0', '5e1', '5E+1', '0.5e2', '5000e-2']) await check(slow(spelled), 'ok', { slowModeSeconds: 50 });
  for (const zero of ['0', '-0', '0.0', '-0e7']) await check(slow(zero), 'ok', { slowModeSeconds: 0 });
  for (const wrong of ['50.5', '-1', '1e400', '9007199254740993', '18446744073709551616', '1e16', '"50"', 'true', '[50]', '"NaN"']) {
    await check(slow(wrong), 'invalid_request');
  }
});

/** Node's server closes as well: what Socket.IO cannot decode is no event, and has no ack. */
async function closes(event, json) {
  const own = await rawSocket(vt.server, owner.token);
  own.socket.send(`427[${JSON.stringify(event)},${json}]`);
  await deadline(own.closed, 5000, `still open after ${json}`);
  assert.deepEqual(own.messages.filter((message) => message.startsWith('437')), []);
}

test('what is no JSON is invalid_request over HTTP, and ends a connection', async () => {
  const numbers = ['NaN', 'Infinity', '050', '+5', '.5', '5.', '0x32', "'50'", 'undefined', '5,', ''].map(slow);
  for (const wrong of [...numbers, '{"name":"a\nb"}', '{"name":"n" /* comment */}', '{"name":"\\x"}', '\u{feff}{"name":"n"}', '\u{a0}{"name":"n"}']) {
    assert.equal(codeOf(await byHttp('POST', `groups/${groupId}/channels`, wrong)), 'invalid_request', wrong);
    await closes('channel:create', wrong);
  }
});

test('ids are strings of digits', async () => {
  for (const wrong of [channelId, '0', '1e3', '"1e3"', `"+${channelId}"`, `" ${channelId}"`, '"-1"', '"9223372036854775808"', '"٣"', 'null', '[]']) {
    assert.equal(codeOf(await bySocket('typing:start', `{"channelId":${wrong}}`)), 'invalid_request', wrong);
  }
  assert.equal(codeOf(await bySocket('typing:start', `{"channelId":"000${channelId}"}`)), 'ok');
});

test('a field that comes twice is invalid_request, a twofold unknown one is ignored', async () => {
  await check('{"name":"a","name":"b"}', 'invalid_request');
  await check('{"name":"a","na\\u006de":"b"}', 'invalid_request');
  await check('{"name":"a","x":1,"x":2}', 'ok', { name: 'a' });
  assert.equal(codeOf(await bySocket('typing:start', `{"channelId":"${channelId}","channelId":"${channelId}"}`)), 'invalid_request');
});

test('what is ignored may be as deep as it likes, and odd', async () => {
  await check(`{"name":"n","x":${deep(10_000)}}`, 'ok', { name: 'n' });
  await check(`{"name":"n","__proto__":{"topic":"t"},"constructor":1,"x":1e400}`, 'ok', { topic: '' });
  await check(`{"name":${deep(1000)}}`, 'invalid_request');
  asked += 1;
  raw.socket.send(`42${asked}["typing:start",{"channelId":"${channelId}"},${deep(10_000)}]`);
  assert.equal(JSON.parse((await raw.has(`43${asked}[`)).slice(`43${asked}`.length))[0].ok, true);
});

test('half of a surrogate pair is no text', async () => {
  for (const half of ['\\ud800', '\\udc00', 'a\\ud83d', '\\udc4d\\ud83d']) await check(`{"name":"${half}"}`, 'invalid_request');
  await check('{"name":"\\ud83d\\udc4d"}', 'ok', { name: '👍' });
  await check('{"name":"n","\\ud800":1}', 'invalid_request');
  await check('{"name":"n","x":"\\ud800"}', 'ok', { name: 'n' });
});

test('half of a surrogate pair in the name of an event is an unknown event', async () => {
  for (const name of ['\\ud83d', '\\udc4d\\ud83d', 'message:create\\ud83d']) {
    asked += 1;
    raw.socket.send(`42${asked}["${name}",{}]`);
    assert.equal(codeOf(JSON.parse((await raw.has(`43${asked}[`)).slice(`43${asked}`.length))[0]), 'unknown_event', name);
  }
});

test('white space of JSON is allowed', () => check(' \t{ "name" : "n" }', 'ok', { name: 'n' }));

test('odd values of a JavaScript client', async () => {
  const half = '\ud83d';
  await owner.refused('message:create', { channelId, content: half }, 'invalid_request');
  await owner.refused('message:create', { channelId, content: 'x', nonce: `a${half}` }, 'invalid_request');
  await owner.ok('message:create', { channelId, content: 'x', [`${half}x`.slice(1)]: half });
  for (const limit of [NaN, Infinity, -Infinity, undefined, null, 1e2, 50.0, -0 + 1]) await owner.ok('message:list', { channelId, limit });
  for (const limit of [-0, 0.5, 2 ** 53 + 2, -1, '50', new Date(5)]) await owner.refused('message:list', { channelId, limit }, 'invalid_request');
  const { slowModeSeconds } = await owner.ok('channel:update', { channelId, slowModeSeconds: -0 });
  assert.ok(Object.is(slowModeSeconds, 0));
});

test('no connection was closed', () => {
  assert.equal(raw.socket.readyState, raw.socket.OPEN);
  assert.deepEqual([owner.connected, owner.disconnects], [true, []]);
});
