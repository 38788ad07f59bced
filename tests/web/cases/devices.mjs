/** What a person has chosen follows their account: to another device while it is open, and to a new one at once. */
import assert from 'node:assert/strict';
import { until } from '../../js/lib/wait.mjs';
import { startFront } from '../lib/front.mjs';
import { BROKEN_NETWORK, scene, WAIT_MS } from '../lib/stage.mjs';
import { club, vt } from '../lib/world.mjs';

const CHOSEN = { theme: 'dark', density: 'compact' };

/** How the page looks: what its style sheet goes by. */
function look({ tab }) {
  return tab.evaluate(() => {
    const { dataset: { theme, density }, lang, dir } = document.documentElement;
    return { theme, density, lang, dir };
  });
}

async function looks(page, wanted) {
  let seen;
  const arrived = async () => {
    seen = await look(page);
    return Object.entries(wanted).every(([name, value]) => seen[name] === value);
  };
  await until(arrived, WAIT_MS, `the page does not look like ${JSON.stringify(wanted)}`).catch((cause) => {
    throw new Error(`${cause.message}: ${JSON.stringify(seen)}`);
  });
}

scene('levels, theme, density and language are the same on all devices of a person', async (stage) => {
  const { group, groupId, owner, people: [ada] } = await club('Ada');
  for (const name of ['design', 'random']) await owner.ok('channel:create', { groupId, name });
  const [first, second] = [(await stage.signedIn(ada)).page, (await stage.signedIn(ada)).page];
  for (const page of [first, second]) await page.open(group.name);
  await second.levelIs('random', 'channels_notify_all');
  // It hears of everything by a push: the document stays.
  await second.tab.evaluate(() => { globalThis.isFirstDocument = true; });

  await first.setLevel('random', 'channels_notify_none');
  await second.isMuted('random');
  await first.setLevel('design', 'channels_notify_mentions');
  await first.choose(first.t('theme_dark'), first.t('density_compact'));
  for (const page of [first, second]) await looks(page, CHOSEN);
  await second.levelIs('design', 'channels_notify_mentions');
  await second.levelIs('random', 'channels_notify_none');

  await second.setLevel('random', 'channels_notify_all');
  await first.isMuted('random', false);
  await second.setLevel('random', 'channels_notify_none');
  await first.isMuted('random');
  await first.choose('العربية');
  await looks(second, { ...CHOSEN, lang: 'ar', dir: 'rtl' });
  assert.equal(await second.tab.evaluate(() => globalThis.isFirstDocument), true);

  const newcomer = await stage.visitor();
  await looks(newcomer.page, { lang: 'en', dir: 'ltr', density: 'cozy' });
  // From here on the page is in the language of the account.
  await newcomer.page.signIn(ada.person, 'ar');
  await looks(newcomer.page, { ...CHOSEN, lang: 'ar', dir: 'rtl' });
  await newcomer.page.open(group.name);
  await newcomer.page.isMuted('random');
  await newcomer.page.levelIs('design', 'channels_notify_mentions');
});

scene('what is chosen without a connection reaches the other device later', async (stage) => {
  const { group, people: [ada] } = await club('Ada');
  const front = await startFront(vt.server.port);
  try {
    const { page: first } = await stage.signedIn(ada, { origin: front.url, transport: 'polling', tolerates: BROKEN_NETWORK });
    const { page: second } = await stage.signedIn(ada);
    for (const page of [first, second]) await page.open(group.name);
    front.refuses = (path) => path.startsWith('/socket.io/');
    front.cut();
    await first.tab.getByText(first.t('connection_reconnecting')).waitFor();
    await first.choose(first.t('theme_dark'));
    await looks(first, { theme: 'dark' });
    await first.setLevel('general', 'channels_notify_none');
    await first.isMuted('general');
    await looks(second, { theme: undefined });
    front.refuses = () => false; // The next attempt, which nobody has to ask for, gets through.
    await looks(second, { theme: 'dark' });
    await second.isMuted('general');
  } finally {
    front.stop();
  }
});
