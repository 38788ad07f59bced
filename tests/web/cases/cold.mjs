/** The first visit to a channel on a slow line: what has to come before there is something to read. */
import assert from 'node:assert/strict';
import { until } from '../../js/lib/wait.mjs';
import { scene, WAIT_MS } from '../lib/stage.mjs';
import { club, vt } from '../lib/world.mjs';

/** "Slow 3G" of the developer tools. */
const SLOW = { offline: false, latency: 400, downloadThroughput: 400_000 / 8, uploadThroughput: 400_000 / 8 };
const SCRIPT_BYTES_MAX = 100_000;
/** Each file costs a request, and there are six at a time. */
const SCRIPTS_MAX = 6;
const STYLES_MAX = 2;
/** What stands around the messages is asked for by the first script, too, but when the code that shows them has come. */
const AROUND = /\/around-[^/]*$/;

/** Bytes of these files as they travel compressed with gzip, which most of them are even smaller than. */
async function travelling(urls) {
  const sizes = await Promise.all(urls.map(async (url) => {
    const { headers } = await fetch(url, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
    return Number(headers.get('content-length'));
  }));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The scripts that ran when a file was asked for; none if it was the page. */
function askedBy({ type, url, stack }) {
  const urls = [];
  for (let each = stack; each; each = each.parent) urls.push(...each.callFrames.map((frame) => frame.url));
  if (type === 'script' && url) urls.push(url);
  return urls.filter((each) => /\.js$/.test(each));
}

scene('a channel can be read before more than 100 KB of script have come', async (stage) => {
  const { channelId, people: [ada] } = await club('Ada');
  for (let line = 1; line <= 30; line += 1) await ada.ok('message:create', { channelId, content: line === 30 ? 'the **last** line' : `line ${line}` });
  const warm = await stage.signedIn(ada);
  const storageState = await warm.context.storageState();

  const cold = await stage.visitor({ path: '/healthz', tolerates: /favicon\.ico/, storageState });
  const session = await cold.context.newCDPSession(cold.page.tab);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', SLOW);
  const [came, initiators, asked] = [[], new Map(), []];
  session.on('Network.webSocketFrameSent', ({ response }) => asked.push(response.payloadData));
  session.on('Network.requestWillBeSent', ({ request, initiator }) => initiators.set(request.url, initiator));
  cold.context.on('requestfinished', (request) => came.push(request.url()));
  await cold.page.tab.goto(`/c/${channelId}`);
  await cold.page.message('line 29').waitFor({ timeout: 4 * WAIT_MS });
  const scripts = came.filter((url) => /\.js$/.test(url) && !AROUND.test(url));
  const styles = came.filter((url) => /\.css$/.test(url) && !AROUND.test(url));

  const bytes = await travelling(scripts);
  assert.ok(scripts.length > 0 && bytes <= SCRIPT_BYTES_MAX, `${bytes} bytes of script before the first message: ${scripts.join(' ')}`);
  assert.ok(scripts.length <= SCRIPTS_MAX && styles.length <= STYLES_MAX, `${scripts.length} scripts, ${styles.length} styles: ${came.join(' ')}`);
  const entry = await cold.page.tab.locator('script[src]').first().evaluate((script) => script.src);
  const late = [...scripts, ...styles].filter((url) => askedBy(initiators.get(url)).some((script) => script !== entry));
  assert.deepEqual(late, [], 'asked for only when another script than the first had come');
  assert.deepEqual(came.filter((url) => url.endsWith('/sw.js')), [], 'the service worker fetches every file, so it waits');
  await session.send('Network.emulateNetworkConditions', { ...SLOW, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });

  const count = (part) => asked.filter((frame) => frame.includes(part)).length;
  assert.deepEqual([count('40{"token"'), count('"message:list"')], [1, 1], 'signed in and asked for the messages once');

  // The rest comes by itself.
  await cold.page.composer.waitFor();
  await cold.page.timeline.locator('strong', { hasText: 'last' }).waitFor();
  await cold.page.role('region', 'members_label').first().waitFor();
  await until(() => came.some((url) => url.endsWith('/sw.js')), WAIT_MS, 'no service worker');
  assert.equal(vt.server.logs.filter((line) => /panicked at/.test(line)).length, 0);
});

for (const phone of [false, true]) scene(`nobody waits for a script to be signed in, nor for the state to be asked for messages, ${phone ? 'on a phone' : 'on a desktop'}`, async (stage) => {
  const { channelId, people: [ada] } = await club('Ada');
  await ada.ok('message:create', { channelId, content: 'early' });
  const warm = await stage.signedIn(ada);
  const storageState = await warm.context.storageState();

  const cold = await stage.visitor({ path: '/healthz', tolerates: /favicon\.ico/, storageState, phone });
  const [sent, received] = [[], []];
  cold.page.tab.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => sent.push(payload));
    socket.on('framereceived', ({ payload }) => received.push(payload));
  });
  const has = (frames, start) => until(() => frames.some((frame) => frame.startsWith(start)), WAIT_MS, `no ${start}`);
  // The code that speaks over the connection comes when there is an answer, and all the rest when it has asked.
  await cold.page.tab.route(/\/assets\/protocol-[^/]*\.js$/, async (route) => {
    await has(received, '42["ready"');
    await route.continue();
  });
  await cold.page.tab.route(/\/assets\/start-[^/]*\.js$/, async (route) => {
    await until(() => sent.some((frame) => frame.includes('"message:list"')), WAIT_MS, 'nothing asked for');
    await route.continue();
  });
  // What stands around the messages moves none of them.
  let release;
  const seen = new Promise((resolve) => (release = resolve));
  await cold.page.tab.route(/\/assets\/around-[^/]*\.js$/, async (route) => {
    await seen;
    await route.continue();
  });
  await cold.page.tab.goto(`/c/${channelId}`, { waitUntil: 'commit' });
  const row = cold.page.message('early');
  await row.waitFor();
  const place = await row.boundingBox();
  release();
  await cold.page.composer.waitFor();
  const { y } = await row.boundingBox();
  assert.ok(Math.abs(y - place.y) < 1, `from ${place.y} to ${y}`);
  assert.equal(sent.filter((frame) => frame.startsWith('40')).length, 1);
  assert.equal(sent.filter((frame) => frame.includes('"message:list"')).length, 1);

  // It is the connection of the page from then on.
  await ada.ok('message:create', { channelId, content: 'live' });
  await cold.page.message('live').waitFor();
  await cold.page.say('by the early bird');
  await cold.page.message('by the early bird').waitFor();
});

scene('a token that is no longer good is replaced before anybody signs in', async (stage) => {
  const { channelId, people: [ada] } = await club('Ada');
  await ada.ok('message:create', { channelId, content: 'still here' });
  const warm = await stage.signedIn(ada);
  let storageState = await warm.context.storageState();
  await warm.context.close();
  for (const [what, change] of [
    ['expired by the clock', (session) => ({ ...session, expiresAt: Date.now() - 1 })],
    ['refused by the server', (session) => ({ ...session, accessToken: `${session.accessToken}x` })],
  ]) {
    const stored = storageState.origins[0].localStorage.find(({ name }) => name === 'vibetalk:session');
    stored.value = JSON.stringify(change(JSON.parse(stored.value)));
    const cold = await stage.visitor({ path: '/healthz', tolerates: /favicon\.ico/, storageState });
    await cold.page.tab.goto(`/c/${channelId}`);
    await cold.page.message('still here').waitFor();
    const { accessToken } = JSON.parse(await cold.page.tab.evaluate(() => localStorage.getItem('vibetalk:session')));
    assert.notEqual(accessToken, JSON.parse(stored.value).accessToken, what);
    storageState = await cold.context.storageState();
    await cold.context.close();
  }
});
