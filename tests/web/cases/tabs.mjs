/** Two tabs of one person agree, and a session that ends elsewhere ends here. */
import assert from 'node:assert/strict';
import { login } from '../../js/lib/people.mjs';
import { BROKEN_NETWORK, scene } from '../lib/stage.mjs';
import { club, vt } from '../lib/world.mjs';

scene('two tabs agree on what is read, sent and who is signed in', async (stage) => {
  const { group, channelId, people: [ada, bob] } = await club('Ada', 'Bob');
  // The other tab learns of a sign-out by being refused.
  const visitor = await stage.signedIn(ada, { tolerates: BROKEN_NETWORK });
  const first = visitor.page;
  await first.open('VibeTalk');
  const second = await visitor.tab();
  await second.open('VibeTalk');

  await second.groupWaits(group.name, false);
  await bob.say(channelId, `look, <@${ada.id}>`);
  for (const page of [first, second]) await page.mentionsOf(group.name).waitFor();
  await first.tab.bringToFront();
  await first.open(group.name);
  await first.seesPart('look,');
  await second.groupWaits(group.name, false);
  await second.mentionsOf(group.name).waitFor({ state: 'detached' });

  await first.say('from the first tab');
  await first.sees('from the first tab');
  await second.open(group.name);
  await second.sees('from the first tab');
  await second.say('from the second tab');
  await first.sees('from the second tab');
  assert.deepEqual(await first.lines(/from the \w+ tab/g), ['from the first tab', 'from the second tab']);
  assert.deepEqual(await second.lines(/from the \w+ tab/g), ['from the first tab', 'from the second tab']);

  await second.signOut();
  await second.isOut();
  await first.isOut();
  assert.equal(visitor.asked('/auth/logout', 'POST').length, 1);
});

scene('a session that is ended elsewhere leads to the sign-in page, which says so', async (stage) => {
  const { people: [ada] } = await club('Ada');
  const { page } = await stage.signedIn(ada, { tolerates: BROKEN_NETWORK });
  const { accessToken: token } = await login(vt.server, ada.person);
  const { body } = await vt.server.http('GET', '/api/v1/auth/sessions', { token });
  const inBrowser = body.sessions.find(({ userAgent }) => /Chrom/.test(userAgent));
  await vt.server.http('DELETE', `/api/v1/auth/sessions/${inBrowser.id}`, { token });
  await page.isOut();
  await page.says('auth_session_ended');
});

/** The access token has expired, as the next page of this browser sees it. */
function expireToken({ tab }) {
  return tab.evaluate(() => {
    const key = Object.keys(localStorage).find((name) => name.endsWith(':session'));
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), expiresAt: 0 }));
  });
}

scene('a page that is reloaded while it refreshes its tokens stays signed in', async (stage) => {
  const { group, people: [ada] } = await club('Ada');
  const visitor = await stage.signedIn(ada);
  const { page, context } = visitor;
  await page.open(group.name);
  await page.say('before the reload');
  await page.sees('before the reload');
  const lost = new Promise((resolve) => {
    // The server has answered, and the page never hears of it.
    context.route('**/auth/refresh', async (route) => resolve(await route.fetch()), { times: 1 });
  });
  await expireToken(page);
  await page.tab.reload({ waitUntil: 'commit' });
  assert.equal((await lost).status(), 200);
  for (const words of ['after one reload', 'after another']) {
    await page.tab.reload();
    await page.isIn();
    await page.say(words);
    await page.sees(words);
    await expireToken(page);
  }
  assert.ok(visitor.asked('/auth/refresh', 'POST').length >= 3);
});

scene('four tabs that are reloaded together stay signed in', async (stage) => {
  const { group, people: [ada] } = await club('Ada');
  const visitor = await stage.signedIn(ada);
  const pages = [visitor.page, await visitor.tab(), await visitor.tab(), await visitor.tab()];
  for (const page of pages) await page.open(group.name);
  for (const round of ['once', 'twice']) {
    await expireToken(visitor.page);
    await Promise.all(pages.map(({ tab }) => tab.reload()));
    for (const [number, page] of pages.entries()) {
      await page.tab.bringToFront();
      await page.isIn();
      await page.say(`tab ${number} ${round}`);
      await page.sees(`tab ${number} ${round}`);
    }
  }
});
