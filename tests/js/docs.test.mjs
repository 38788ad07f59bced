/** The JavaScript of README.md and docs/protocol.md: all of it parses, and what is marked `<!-- runs: name -->` runs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect, versions } from './lib/client.mjs';
import { official, suite } from './lib/suite.mjs';
import { once, until } from './lib/wait.mjs';

const vt = await suite();
const AsyncFunction = (async () => {}).constructor;

/** Every ```js block as `{ file, name, code }`; `name` is that of its mark. */
function blocksOf(file) {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  return [...text.matchAll(/(?:<!-- runs: (.+) -->\n)?```js\n([^]*?)```/g)].map(([, name, code]) => ({ file, name, code }));
}

const blocks = ['README.md', 'docs/protocol.md', 'examples/js-app/README.md'].flatMap(blocksOf);

/** A block as a function of what it takes for granted, and of what it imports; `ending` is added to it. */
function compile({ code }, scope, ending = '') {
  const body = code.replace(/^import \{ io \} from "socket\.io-client";$/m, '').replaceAll('http://localhost:3000', vt.server.url);
  return new AsyncFunction(...scope, `${body}\n${ending}`);
}

/** Runs a block; answers what it returns and the lines that it prints, while its sockets live until the test ends. */
async function run(t, name, scope = {}, ending = '') {
  const block = blocks.find((candidate) => candidate.name === name);
  assert.ok(block, `no block is marked as ${name}`);
  const lines = [];
  const io = (...args) => {
    const socket = versions.v4(...args);
    t.after(() => socket.close());
    return socket;
  };
  const all = { io, console: { log: (...words) => lines.push(words.join(' ')) }, ...scope };
  const result = await compile(block, Object.keys(all), ending)(...Object.values(all));
  return { lines, result, prints: (pattern) => until(() => lines.find((line) => pattern.test(line)), 10_000, `no ${pattern} among ${JSON.stringify(lines)}`) };
}

test('every block parses, and no mark is forgotten by these tests', () => {
  for (const block of blocks) assert.doesNotThrow(() => compile(block, []), `${block.file}: ${block.code.slice(0, 100)}`);
  const marks = blocks.map(({ name }) => name).filter(Boolean).sort();
  assert.deepEqual(marks, ['a nonce', 'a token for each reconnect', 'after a reconnect', 'all requests', 'five minutes', 'own messages', 'the sample of the README']);
});

test('the sample of the README stores and shows a message', async (t) => {
  const { accessToken, username } = await vt.person();
  const { prints } = await run(t, 'the sample of the README', { accessToken });
  await prints(/^stored as \d+$/);
  await prints(new RegExp(`^${username} Hello from ${username}$`));
});

test('a nonce: what is sent again is stored once', async (t) => {
  const { accessToken } = await vt.person();
  const { result: { socket, send } } = await run(t, 'a nonce', { accessToken }, 'return { socket, send };');
  const [{ groups }] = await once(socket, 'ready');
  const [channelId, content] = [groups[0].channels[0].id, 'once'];
  const first = await send({ channelId, content, nonce: 'the same' });
  const again = await send({ channelId, content, nonce: 'the same' });
  assert.deepEqual([first.ok, again.ok, again.data.id], [true, true, first.data.id]);
  const { data } = await send({ channelId, content: 'another' });
  assert.match(data.nonce, /^[0-9a-f-]{36}$/);
});

test('five minutes: from no account to a message', async (t) => {
  const { prints } = await run(t, 'five minutes');
  await prints(/^stored as \d+$/);
  await prints(/^ada Hello, world$/);
});

test('a token for each reconnect: the function is asked each time', async (t) => {
  const { accessToken } = await vt.person();
  let asked = 0;
  const freshAccessToken = async () => { asked += 1; return accessToken; };
  const { result: socket } = await run(t, 'a token for each reconnect', { url: vt.server.url, freshAccessToken }, 'return socket;');
  await until(() => socket.connected, 10_000, 'it does not connect');
  socket.io.engine.close();
  await until(() => socket.connected && asked === 2, 10_000, `asked ${asked} times`);
});

test('after a reconnect: what was missed is shown, what changed is told', async (t) => {
  const [author] = await vt.people(1);
  const { channelId } = official(author);
  const { socket } = await connect(vt.server.url, (await vt.person()).accessToken, { reconnect: true });
  t.after(() => socket.close());
  const [shown, changed] = [[], []];
  const scope = { socket, show: ({ id }) => shown.push(id), reload: () => assert.fail('too much was missed'), refresh: (...change) => changed.push(change) };
  const { result: lastSeen } = await run(t, 'after a reconnect', scope, 'socket.disconnect().connect(); return lastSeen;');
  await once(socket, 'ready');
  const seen = await author.say(channelId, 'seen by both');
  lastSeen[channelId] = seen.id;
  socket.disconnect();
  const missed = await author.say(channelId, 'missed by one');
  await author.ok('message:update', { channelId, messageId: seen.id, content: 'edited meanwhile' });
  socket.connect();
  await until(() => shown.includes(missed.id), 10_000, 'the missed message is not shown');
  await until(() => changed.some(([of, id, kind]) => of === channelId && id === seen.id && kind === 'updated'), 10_000, 'the edit is not told');
});

test('all requests: every one of the examples is answered with ok', async (t) => {
  const [socket, somebody] = [await vt.connect(await vt.person('owner')), await vt.connect(await vt.person('ada'))];
  const replies = [];
  const emitWithAck = async (event, payload) => {
    const reply = await (event === 'invite:accept' ? somebody : socket).request(event, payload);
    replies.push([event, reply]);
    return reply;
  };
  await run(t, 'all requests', { socket: { timeout: () => ({ emitWithAck }) }, userId: somebody.id });
  const refused = replies.filter(([, { ok }]) => !ok).map(([event, { error }]) => `${event}: ${error.code}`);
  assert.deepEqual(refused, []);
  assert.ok(replies.length > 20, String(replies.length));
});

test('own messages are known by their nonce', async (t) => {
  const client = await vt.connect(await vt.person());
  const pending = new Map([['mine', true]]);
  const { result: messages, prints } = await run(t, 'own messages', { socket: client.socket, pending }, 'return messages;');
  const { channelId } = official(client);
  const { id } = await client.say(channelId, 'with a nonce', { nonce: 'mine' });
  await prints(/^ours has arrived$/);
  assert.equal(messages.get(id).content, 'with a nonce');
  await client.ok('message:delete', { channelId, messageId: id });
  await until(() => !messages.has(id), 10_000, 'it is not removed');
});
