/** Nothing that people write, and nothing that opens a door, gets into the log, however much is logged. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { refusal, versions } from './lib/client.mjs';
import { freshName, login } from './lib/people.mjs';
import { poll, pollingSession, rawSocket } from './lib/raw.mjs';
import { makeGroup, official, suite } from './lib/suite.mjs';

/** Makes texts that occur nowhere else, and remembers what each of them was used for. */
class Secrets {
  #kindsByText = new Map();

  make(kind) {
    return this.keep(kind, `kept-${randomBytes(12).toString('hex')}`);
  }

  keep(kind, text) {
    this.#kindsByText.set(text, kind);
    return text;
  }

  keepTokens({ accessToken, refreshToken }) {
    this.keep('an access token', accessToken);
    this.keep('the signature of an access token', accessToken.split('.').at(-1));
    this.keep('a refresh token', refreshToken);
  }

  /** Of what kind those are that a log holds, with the line. */
  foundIn(lines) {
    const found = (line) => [...this.#kindsByText].filter(([text]) => line.includes(text)).map(([, kind]) => `${kind}: ${line.slice(0, 500)}`);
    return lines.flatMap(found).slice(0, 20);
  }
}

async function useAccounts(vt, secrets) {
  const auth = async (route, body, token) => {
    const { body: tokens } = await vt.http('POST', `/api/v1/auth/${route}`, { body, token, headers: { 'x-forwarded-for': '203.0.113.77' } });
    if (tokens?.accessToken) secrets.keepTokens(tokens);
    return tokens;
  };
  const [username, password] = [freshName(), secrets.make('a password')];
  const first = await auth('register', { username, password, displayName: secrets.make('a display name') });
  await auth('register', { username, password: secrets.make('a password for a taken name') });
  await auth('register', { username: secrets.make('a bad user name').padEnd(40, ' '), password });
  await auth('register', { username: freshName(), password: `${secrets.make('a password that is too long')}${'x'.repeat(300)}` });
  await auth('login', { username, password: secrets.make('a mistyped password') });
  await auth('login', { username: secrets.make('an unknown name').slice(0, 30), password });
  const second = await auth('login', { username, password });
  const third = await auth('refresh', { refreshToken: second.refreshToken });
  await auth('refresh', { refreshToken: second.refreshToken });
  await auth('refresh', { refreshToken: secrets.make('an invented refresh token') });
  await auth('password', { currentPassword: secrets.make('a wrong current password'), newPassword: password }, first.accessToken);
  await auth('password', { currentPassword: password, newPassword: secrets.make('a new password') }, first.accessToken);
  await vt.http('GET', '/api/v1/users/me', { token: third.accessToken });
  await vt.http('GET', '/api/v1/users/me', { token: secrets.make('a bad bearer') });
  await vt.http('GET', '/api/v1/users/me', { headers: { authorization: `Basic ${secrets.make('credentials of another kind')}` } });
}

async function useEvents(vt, secrets, [owner, member]) {
  const text = (kind) => secrets.make(kind);
  const { groupId, channelId, invite } = await makeGroup(owner, member);
  secrets.keep('an invite code', invite.code);
  await owner.ok('group:update', { groupId, name: text('a group name') });
  await owner.ok('channel:update', { channelId, name: text('a channel name'), topic: text('a topic') });
  const message = await owner.say(channelId, `${text('content')} <@${member.id}>`, { nonce: text('a nonce') });
  const at = { channelId, messageId: message.id };
  await owner.ok('message:update', { ...at, content: text('edited content') });
  await member.say(channelId, text('a reply'), { replyToId: message.id });
  await member.ok('reaction:add', { ...at, emoji: text('an emoji') });
  await owner.ok('member:update', { groupId, userId: member.id, nickname: text('a nickname') });
  await member.ok('user:update', { displayName: text('a new display name'), avatar: `https://example.org/${text('an avatar')}` });
  await member.ok('presence:update', { status: 'dnd', text: text('a presence text') });
  await member.request('user:search', { query: text('a search') });
  const direct = await owner.ok('direct:open', { userIds: [member.id] });
  await owner.say(direct.id, text('direct content'));
  await vt.http('POST', `/api/v1/channels/${channelId}/messages`, { token: owner.token, body: { content: text('content over HTTP') } });
  await vt.http('GET', `/api/v1/users?query=${text('a search over HTTP')}`, { token: owner.token });
  await vt.http('PUT', `/api/v1/channels/${channelId}/messages/${message.id}/reactions/${text('an emoji over HTTP')}`, { token: owner.token });
  await vt.http('GET', `/api/v1/invites/${invite.code}`, { token: owner.token });
  await owner.ok('message:delete', at);
  await owner.ok('member:ban', { groupId, userId: member.id, reason: text('a reason') });
  return channelId;
}

/** What is refused is logged in more detail, and must not be quoted. */
async function beRefused(vt, secrets, client, channelId) {
  const text = (kind) => secrets.make(kind);
  await client.request('message:create', { channelId, content: { [text('a key')]: text('content of a wrong type') } });
  await client.request('message:create', { channelId, content: 'x', nonce: [text('a nonce of a wrong type')] });
  await client.request('message:create', { channelId, content: text('content that is too long').repeat(400) });
  await client.request('message:create', { channelId: text('an id that is none'), content: text('content for nowhere') });
  await client.request('message:create', { channelId, content: Buffer.from(text('binary content')) });
  await client.request('message:create', [text('content in an array')]);
  await client.request(text('an unknown event'), { content: text('the payload of an unknown event') });
  await client.request('invite:accept', { code: text('a code that is none') });
  const post = (route, raw) => vt.http('POST', `/api/v1/${route}`, { token: client.token, raw });
  await post(`channels/${channelId}/messages`, `{"content":"${text('content in broken JSON')}`);
  await post(`channels/${channelId}/messages`, JSON.stringify({ content: 7, nonce: text('a nonce of a broken request') }));
  await post('auth/login', `{"username":"x","password":"${text('a password in broken JSON')}"`);
  await post('auth/login', JSON.stringify({ username: [], password: text('a password of a broken request') }));
  await post(`${text('an unknown route')}`, '{}');
}

async function speakByHand(vt, secrets, { accessToken: token }, channelId) {
  const { sid } = await pollingSession(vt.server, token);
  secrets.keep('an Engine.IO session id', sid);
  secrets.keep('the mac of an Engine.IO session id', sid.split('.').at(-1));
  await poll(vt.server, `sid=${sid}`, `42["message:create",${JSON.stringify({ channelId, content: secrets.make('content of a raw poll') })}]`);
  await poll(vt.server, `sid=${sid}`, `42["message:create",{"content":"${secrets.make('a broken packet of a poll')}`);
  await poll(vt.server, `sid=${secrets.make('an invented session id')}`);
  for (const packet of ['42["message:create",{"content":"#"', '42["message:create",{"content":"#"}', '#', '4#', '42"#"', '40{"token":"#"}', '451-["message:create",{"content":"#"}', '43["#"]']) {
    const raw = await rawSocket(vt.server, packet.startsWith('40') ? undefined : token);
    raw.socket.send(packet.replace('#', secrets.make(`the packet ${packet}`)));
    raw.socket.send(Buffer.from(secrets.make(`binary behind ${packet}`)));
    raw.socket.close(1000, secrets.make(`the reason of a close behind ${packet}`));
    await raw.closed;
  }
}

/** Where a token may stand besides `auth`: in the query, which is a part of each request's URL, and in a header. */
async function showTokensElsewhere(vt, secrets, person) {
  for (const version of ['v3', 'v4']) {
    for (const transport of ['websocket', 'polling', 'upgrade']) {
      const device = await login(vt.server, person);
      secrets.keepTokens(device);
      for (const where of [{ query: { token: device.accessToken } }, { extraHeaders: { authorization: `Bearer ${device.accessToken}` } }]) {
        const client = await vt.connect(device, { version, transport, auth: {}, ...where });
        await client.say(official(client).channelId, secrets.make('content behind a token in the query'));
        client.close();
      }
      const bad = secrets.make(`a bad token in the query of ${version} over ${transport}`);
      await refusal(vt.server.url, undefined, { version, transport, auth: {}, query: { token: bad } });
    }
  }
  // Of what is no session at all, too.
  const token = secrets.make('a token in a query that is refused');
  for (const path of [`/socket.io/?EIO=9&transport=polling&token=${token}`, `/socket.io/?EIO=4&transport=websocket&token=${token}`, `/socket.io/?EIO=4&transport=polling&sid=x&token=${token}`, `/nowhere?token=${token}`]) {
    await vt.http('GET', path);
  }
}

/** Somebody looks for a fault in the transport, and asks for all that there is. */
const EVERYTHING = 'trace,hyper=trace,tungstenite=trace,tungstenite::protocol=trace,tokio_tungstenite=trace,engineioxide=trace,socketioxide=trace';

for (const filter of ['info', 'debug', EVERYTHING]) {
  test(`log.filter = ${filter}: no content, no password, no token, no session id`, async () => {
    const vt = await suite({ set: { 'log.filter': filter } });
    const secrets = new Secrets();
    const people = [await vt.person(), await vt.person()];
    people.forEach((person) => secrets.keepTokens(person));
    for (const version of Object.keys(versions)) {
      for (const transport of ['websocket', 'polling']) {
        const clients = [await vt.connect(people[0], { version, transport }), await vt.connect(people[1], { version, transport })];
        const channelId = await useEvents(vt, secrets, clients);
        await beRefused(vt, secrets, clients[0], channelId);
        await refusal(vt.server.url, secrets.make(`a bad token of ${version} over ${transport}`), { version, transport });
        clients.forEach((client) => client.close());
        if (version === 'v4') await speakByHand(vt, secrets, people[0], channelId);
      }
    }
    await showTokensElsewhere(vt, secrets, people[0]);
    await useAccounts(vt, secrets);
    await vt.server.kill('SIGTERM');
    await vt.server.start();
    assert.ok(vt.server.logs.length > (filter === 'info' ? 3 : 50), 'hardly anything was logged');
    assert.deepEqual(secrets.foundIn(vt.server.logs), []);
    if (filter === 'info') assert.deepEqual(vt.server.logs.filter((line) => line.includes('203.0.113.77')), [], 'addresses');
  });
}
