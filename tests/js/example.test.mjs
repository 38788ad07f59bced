/** The example app in a real browser: two people, over WebSocket and over polling alone, and through a restart. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { freshName, PASSWORD } from './lib/people.mjs';
import { send } from '../../examples/js-app/send.js';
import { official, suite } from './lib/suite.mjs';
import { deadline } from './lib/wait.mjs';

const WAIT_MS = 20_000;
const vt = await suite({ set: { 'limits.rates': true } });
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => file && existsSync(file));
assert.ok(executablePath, 'no Chromium: install it, or say where it is with CHROMIUM');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const page = await servePage();
after(async () => {
  await browser.close();
  await page.stop();
});

/** Serves a copy of the example with its own server, and with the socket.io-client of these tests as its dependency. */
async function servePage() {
  const folder = await mkdtemp(path.join(tmpdir(), 'vibetalk-example-'));
  const example = fileURLToPath(new URL('../../examples/js-app/', import.meta.url));
  for (const file of ['index.html', 'send.js', 'serve.mjs', 'package.json']) await copyFile(path.join(example, file), path.join(folder, file));
  await mkdir(path.join(folder, 'node_modules'));
  await symlink(fileURLToPath(new URL('node_modules/socket.io-client-v4', import.meta.url)), path.join(folder, 'node_modules/socket.io-client'));
  const child = spawn(process.execPath, [path.join(folder, 'serve.mjs'), '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  const line = await deadline(new Promise((resolve) => child.stdout.once('data', resolve)), WAIT_MS, 'the page is not served');
  return { url: String(line).trim(), stop: async () => { child.kill(); await rm(folder, { recursive: true }); } };
}

/** One person in a browser context of their own. */
async function visitor(query) {
  const context = await browser.newContext();
  const tab = await context.newPage();
  tab.setDefaultTimeout(WAIT_MS);
  const problems = [];
  tab.on('pageerror', (cause) => problems.push(String(cause)));
  const requests = [];
  tab.on('request', (request) => requests.push(request.url()));
  tab.on('websocket', (socket) => requests.push(socket.url()));
  await tab.goto(`${page.url}/?server=${vt.server.url}${query}`);
  return { tab, problems, requests, username: freshName('visitor') };
}

async function logIn({ tab, username }, password = PASSWORD) {
  await tab.fill('[name=username]', username);
  await tab.fill('[name=password]', password);
  await tab.click('#login button');
  await tab.waitForSelector('#write:not([hidden])');
}

async function say({ tab }, text) {
  await tab.fill('[name=content]', text);
  await tab.click('#write button');
}

const sees = ({ tab }, text) => tab.locator('#messages li', { hasText: text }).waitFor();
const shown = ({ tab }) => tab.locator('#messages li').allTextContents();

for (const [name, query] of [['as socket.io-client likes it', ''], ['over WebSocket', '&transport=websocket'], ['over polling only', '&transport=polling']]) {
  test(`two people chat ${name}, also through a restart`, async () => {
    const [ada, bob] = [await visitor(query), await visitor(query)];
    await Promise.all([logIn(ada), logIn(bob)]);
    await say(ada, `hello from Ada ${name}`);
    await sees(bob, `hello from Ada ${name}`);
    await say(bob, `<b>hello</b> from Bob ${name}`);
    await sees(ada, `<b>hello</b> from Bob ${name}`);
    await vt.server.restart('SIGKILL');
    await say(ada, `after the restart ${name}`);
    for (const person of [ada, bob]) await sees(person, `after the restart ${name}`);
    const lines = await shown(bob);
    assert.equal(new Set(lines).size, lines.length, 'something is shown twice');
    assert.deepEqual(await shown(ada), lines);
    for (const { problems, requests } of [ada, bob]) {
      assert.deepEqual(problems, []);
      const kinds = ['websocket', 'polling'].filter((kind) => requests.some((url) => url.includes(`transport=${kind}`)));
      if (query) assert.deepEqual(kinds, [query.split('=')[1]]);
    }
    await Promise.all([ada.tab.context().close(), bob.tab.context().close()]);
  });
}

/** A client whose first ack is lost; `sends` counts the tries of its messages. */
async function deafClient(options) {
  const client = await vt.connect(await vt.person(), options);
  const { socket } = client;
  const { onack, packet } = socket;
  let [deaf, sends] = [true, 0];
  socket.packet = (sent) => {
    if (sent.data?.[0] === 'message:create') sends += 1;
    packet.call(socket, sent);
  };
  socket.onack = (ack) => {
    if (!deaf) onack.call(socket, ack);
    deaf = false;
  };
  return { client, socket, sends: () => sends };
}

const stored = async (client, content) => {
  const { messages } = await client.ok('message:list', { channelId: official(client).channelId, limit: 100 });
  return messages.filter((message) => message.content === content).length;
};

for (const [name, options] of [['with the retries option', { retries: 5, ackTimeout: 300 }], ['without it', {}]]) {
  test(`a message whose ack is lost is stored once by the helper, ${name}`, async () => {
    const { client, socket, sends } = await deafClient(options);
    const impatient = { timeout: () => socket.timeout(300) };
    const reply = await send(impatient, { channelId: official(client).channelId, content: name });
    assert.ok(reply.ok, JSON.stringify(reply));
    assert.ok(sends() >= 2, 'it was not sent again');
    assert.equal(await stored(await vt.connect(client.person), name), 1);
  });
}

test('without a nonce the retries option stores a message again', async () => {
  const { client, socket, sends } = await deafClient({ retries: 5, ackTimeout: 300 });
  const { ok } = await socket.emitWithAck('message:create', { channelId: official(client).channelId, content: 'no nonce' });
  assert.ok(ok);
  assert.ok(sends() >= 2, 'it was not sent again');
  assert.equal(await stored(await vt.connect(client.person), 'no nonce'), sends());
});

test('somebody who comes back logs in, and finds the history', async () => {
  const first = await visitor('');
  await logIn(first);
  await say(first, 'I shall be back');
  await sees(first, 'I shall be back');
  await first.tab.reload();
  await logIn(first);
  await sees(first, 'I shall be back');
  await first.tab.context().close();
});

test('a wrong password is told', async () => {
  const person = await visitor('');
  await logIn(person);
  await person.tab.reload();
  await person.tab.fill('[name=username]', person.username);
  await person.tab.fill('[name=password]', 'not the password');
  await person.tab.click('#login button');
  await person.tab.waitForFunction(() => document.getElementById('state').value !== '');
  assert.equal(await person.tab.locator('#write').isHidden(), true);
  await person.tab.context().close();
});
