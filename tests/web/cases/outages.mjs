/** The server dies under the page and comes back; tokens expire meanwhile; a page is loaded anew before its messages went out. */
import assert from 'node:assert/strict';
import { startFront } from '../lib/front.mjs';
import { startServer } from '../../js/lib/server.mjs';
import { until } from '../../js/lib/wait.mjs';
import { BROKEN_NETWORK, scene, WAIT_MS } from '../lib/stage.mjs';
import { club, vt } from '../lib/world.mjs';

/** A server of its own with a proxy that has no WebSocket. */
async function withServer(set, body) {
  const server = await startServer({ set });
  const front = await startFront(server.port);
  try {
    await body({ server, origins: { websocket: server.url, polling: front.url } });
    assert.deepEqual(server.logs.filter((line) => /panicked at/.test(line)), []);
  } finally {
    front.stop();
    await server.stop();
  }
}

for (const transport of ['websocket', 'polling']) {
  scene(`the server is killed under two pages over ${transport}`, (stage) => withServer({}, async ({ server, origins }) => {
    const [ada, bob] = await stage.people(['Ada', 'Bob'], { origin: origins[transport], transport, tolerates: BROKEN_NETWORK });
    for (const { page } of [ada, bob]) {
      await page.open('VibeTalk');
    }
    await ada.page.say('line 0');
    await bob.page.sees('line 0');

    await server.kill('SIGKILL');
    for (const number of [1, 2, 3]) await ada.page.say(`line ${number}`);
    await bob.page.say('line 4');
    await server.start();

    for (const { page } of [ada, bob]) for (const number of [1, 2, 3, 4]) await page.sees(`line ${number}`);
    await ada.page.say('line 5');
    await bob.page.sees('line 5');
    const [seenByAda, seenByBob] = await Promise.all([ada, bob].map(({ page }) => page.lines(/line \d/g)));
    assert.deepEqual(seenByBob, seenByAda, 'both pages read the same');
    assert.deepEqual([...seenByAda].sort(), ['line 0', 'line 1', 'line 2', 'line 3', 'line 4', 'line 5'], 'each arrived once');
    assert.deepEqual(seenByAda.filter((line) => line !== 'line 4'), ['line 0', 'line 1', 'line 2', 'line 3', 'line 5'], 'in order');
  }));
}

const TOKEN_SECONDS = 5;

scene('an access token expires: two tabs refresh it once, and nobody is signed out', (stage) => withServer({ 'auth.access_token_seconds': TOKEN_SECONDS }, async ({ server, origins }) => {
  const ada = await stage.person('Ada', { origin: origins.websocket, tolerates: BROKEN_NETWORK });
  const signedUpAt = Date.now();
  const second = await ada.tab();
  for (const page of [ada.page, second]) {
    await page.open('VibeTalk');
  }
  await until(() => Date.now() - signedUpAt > TOKEN_SECONDS * 1000, WAIT_MS, 'the clock stands still');
  await server.restart('SIGKILL');
  await ada.page.say('still here');
  await ada.page.sees('still here');
  await second.sees('still here');
  await second.say('here, too');
  await ada.page.sees('here, too');
  assert.equal(ada.asked('/auth/refresh', 'POST').length, 1, 'one refresh for both tabs');
}));

scene('drafts and unsent messages survive a reload', async (stage) => {
  const { group, people: [ada, bob] } = await club('Ada', 'Bob');
  const front = await startFront(vt.server.port);
  try {
    const { page } = await stage.signedIn(ada, { origin: front.url, transport: 'polling', tolerates: BROKEN_NETWORK });
    await page.open(group.name);
    front.refuses = (path) => path.startsWith('/socket.io/');
    front.cut();
    await page.say('written in a tunnel');
    await page.composer.fill('and a half-finished');
    await page.tab.reload();
    await page.isAt('general');
    await page.message('written in a tunnel').waitFor();
    await until(async () => (await page.composer.inputValue()) === 'and a half-finished', WAIT_MS, 'the draft is lost');
    front.refuses = () => false;
    await page.sees('written in a tunnel');
    const announced = await bob.next('message:created', ({ content }) => content === 'written in a tunnel');
    assert.equal(announced.author.id, ada.id);
    assert.equal(bob.seen('message:created', ({ content }) => content === 'written in a tunnel').length, 1);
  } finally {
    front.stop();
  }
});
