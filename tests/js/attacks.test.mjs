/** What attackers try on any server, in a small form: it is refused, and everybody else goes on. */
import assert from 'node:assert/strict';
import { connect as tcp } from 'node:net';
import { test } from 'node:test';
import { makeGroup, suite } from './lib/suite.mjs';
import { poll } from './lib/raw.mjs';
import { freshName, PASSWORD } from './lib/people.mjs';
import { deadline, until } from './lib/wait.mjs';

const vt = await suite();
const [witness] = await vt.people(1);
const { channelId } = await makeGroup(witness);

async function assertAlive() {
  await witness.ok('typing:start', { channelId });
  assert.equal((await vt.http('GET', '/readyz')).status, 200);
}

/** Writes `text` on a connection of its own, and answers all that comes until the server closes it. */
function speak(text) {
  const socket = tcp(vt.server.port, '127.0.0.1');
  const heard = new Promise((resolve) => {
    let answer = '';
    socket.on('data', (bytes) => { answer += bytes; });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
  socket.write(text);
  return deadline(heard, 30_000, 'the connection stays open').finally(() => socket.destroy());
}

/** How many answers there are to how many requests: one too many, and a request was smuggled in. */
const statuses = (answer) => [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

test('a request whose end can be read in two ways is refused, and what it hides is never carried out', async () => {
  const hidden = `POST /api/v1/channels/${channelId}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${witness.token}\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"content":"smuggled"}`;
  const heads = [
    `Content-Length: ${hidden.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
    `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n`,
    `Content-Length: 0, ${hidden.length}\r\n\r\n`,
    `Content-Length: +0\r\n\r\n`,
    `Content-Length: 0x0\r\n\r\n`,
    `Content-Length: -1\r\n\r\n`,
    `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    `Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n`,
    `Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n`,
  ];
  for (const head of heads) {
    const answer = await speak(`POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${head}${hidden}`);
    assert.deepEqual(statuses(answer).filter((status) => status < 400), [], JSON.stringify(head));
    assert.ok(statuses(answer).length <= 1, `${JSON.stringify(head)}: ${statuses(answer)}`);
  }
  const { messages } = await witness.ok('message:list', { channelId });
  assert.deepEqual(messages.filter(({ content }) => content === 'smuggled'), []);
  await assertAlive();
});

test('no path leads out of the web client', async () => {
  const climbs = ['/../../../etc/passwd', '/assets/../../../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/assets/..%2f..%2f..%2fetc%2fpasswd', '/..%5c..%5cetc%5cpasswd', '/assets//etc/passwd', '/%00/etc/passwd', '/assets/%252e%252e/secrets', '/./vibetalk.db', '/data/vibetalk.db'];
  for (const path of climbs) {
    const answer = await speak(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.doesNotMatch(answer, /root:.*:0:0|SQLite format/, path);
    assert.ok([400, 404].includes(statuses(answer)[0]), `${path}: ${statuses(answer)}`);
  }
});

test('another site can do nothing in the name of somebody who is signed in', async () => {
  const answer = await vt.http('POST', '/api/v1/auth/login', { body: { username: witness.person.username, password: PASSWORD }, headers: { origin: 'https://evil.example' } });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.headers.getSetCookie(), [], 'there are no cookies that a browser would send along');
  assert.notEqual(answer.headers.get('access-control-allow-credentials'), 'true');
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const { status } = await vt.http('POST', '/api/v1/auth/register', { raw: JSON.stringify({ username: freshName(), password: PASSWORD }), headers: { 'content-type': type } });
    assert.equal(status, 400, `a form can send ${type} without asking`);
  }
});

test('handshakes that nobody goes on with are forgotten', async () => {
  const sessions = () => vt.server.metric('vibetalk_connections');
  const before = await sessions();
  await Promise.all(Array.from({ length: 200 }, () => poll(vt.server, '')));
  assert.ok(await sessions() >= before + 200);
  await until(async () => (await sessions()) <= before, 60_000, 'they are still there');
  await assertAlive();
});

test('a flood of logins leaves everybody else their answers', async () => {
  const login = () => vt.http('POST', '/api/v1/auth/login', { body: { username: freshName(), password: PASSWORD } });
  const flood = Array.from({ length: 60 }, login);
  for (let sent = 0; sent < 20; sent += 1) await witness.say(channelId, `beside the flood ${sent}`);
  const codes = new Set((await Promise.all(flood)).map(({ status }) => status));
  assert.deepEqual([...codes].filter((status) => ![401, 429, 503].includes(status)), []);
});

test('one request with a length that ends inside a character costs its session only', async () => {
  const handshake = await (await fetch(`${vt.server.url}/socket.io/?EIO=3&transport=polling`)).text();
  const { sid } = JSON.parse(handshake.slice(handshake.indexOf('{')));
  const post = (body) => deadline(
    fetch(`${vt.server.url}/socket.io/?EIO=3&transport=polling&sid=${sid}`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body }),
    10_000, 'no answer',
  );
  assert.equal((await post('1:😀1:2')).status, 400);
  assert.equal((await post('1:2')).status, 400);
  await assertAlive();
});
