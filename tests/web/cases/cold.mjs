/** The first visit to a channel on a slow line: what has to come before there is something to read. */
import assert from 'node:assert/strict';
import { until } from '../../js/lib/wait.mjs';
import { scene, WAIT_MS } from '../lib/stage.mjs';
import { club, vt } from '../lib/world.mjs';

/** "Slow 3G" of the developer tools. */
const SLOW = { offline: false, latency: 400, downloadThroughput: 400_000 / 8, uploadThroughput: 400_000 / 8 };
const SCRIPT_BYTES_MAX = 110_000;
/** Each file costs a request, and there are six at a time. */
const SCRIPTS_MAX = 6;
const STYLES_MAX = 2;

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

scene('a channel can be read before more than 110 KB of script have come', async (stage) => {
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
  const scripts = came.filter((url) => /\.js$/.test(url));
  const styles = came.filter((url) => /\.css$/.test(url));

  const bytes = await travelling(scripts);
  assert.ok(scripts.length > 0 && bytes <= SCRIPT_BYTES_MAX, `${bytes} bytes of script before the first message: ${scripts.join(' ')}`);
  assert.ok(scripts.length <= SCRIPTS_MAX && styles.length <= STYLES_MAX, `${scripts.length} scripts, ${styles.length} styles: ${came.join(' ')}`);
  const entry = await cold.page.tab.locator('script[src]').first().evaluate((script) => script.src);
  const late = [...scripts, ...styles].filter((url) => askedBy(initiators.get(url)).some((script) => script !== entry));
  assert.deepEqual(late, [], 'asked for only when another script than the first had come');
  assert.deepEqual(came.filter((url) => url.endsWith('/sw.js')), [], 'the service worker fetches every file, so it waits');
  await session.send('Network.emulateNetworkConditions', { ...SLOW, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });

  assert.equal(asked.filter((frame) => frame.includes('"message:list"')).length, 1, 'the messages are asked for once');

  // The rest comes by itself.
  await cold.page.timeline.locator('strong', { hasText: 'last' }).waitFor();
  await cold.page.role('region', 'members_label').first().waitFor();
  await until(() => came.some((url) => url.endsWith('/sw.js')), WAIT_MS, 'no service worker');
  assert.equal(vt.server.logs.filter((line) => /panicked at/.test(line)).length, 0);
});
