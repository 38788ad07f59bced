/** Without a connection nothing is claimed of what passes: who is there, who types, who is in a group. */
import assert from 'node:assert/strict';
import { startServer } from '../../js/lib/server.mjs';
import { violations } from '../lib/axe.mjs';
import { startFront } from '../lib/front.mjs';
import { BROKEN_NETWORK, scene } from '../lib/stage.mjs';
import { club, vt } from '../lib/world.mjs';

scene('while the server is away nobody is said to be online or offline, and all is known again when it is back', async (stage) => {
  const server = await startServer();
  try {
    const [ada, bob] = await stage.people(['Ada', 'Bob'], { origin: server.url, tolerates: BROKEN_NETWORK });
    const { page } = ada;
    await page.createGroup('Elsewhere');
    for (const each of [page, bob.page]) await each.open('VibeTalk');
    await page.isOnline('Bob');
    await page.shows(page.own, 'presence_online');
    await page.section('members_section_online').waitFor();
    await (await page.openCard('Bob')).getByRole('button', { name: page.t('profile_message') }).click();
    await page.isAt('Bob');
    const direct = page.role('list', 'direct_heading').getByRole('link', { name: /Bob/ });
    await page.shows(direct, 'presence_online');
    await page.open('VibeTalk');
    await bob.page.composer.pressSequentially('well');
    await page.isTyping('Bob');

    await server.kill('SIGKILL');
    await page.main.getByText(page.t('chat_typing', { names: 'Bob' })).waitFor({ state: 'detached' });
    await page.tab.getByText(page.t('connection_reconnecting')).waitFor();
    await page.shows(page.own, 'presence_disconnected');
    await page.own.getByText(page.t('presence_disconnected')).first().waitFor();
    await page.showsNothingOf(page.member('Bob'));
    await page.shows(page.member('Ada'), 'presence_disconnected');
    for (const key of ['members_section_online', 'members_section_offline']) assert.equal(await page.section(key).count(), 0);
    await page.members.getByText(page.t('members_stale')).waitFor();
    const card = await page.openCard('Bob');
    await page.showsNothingOf(card);
    await card.getByText(page.t('presence_unknown')).waitFor();
    assert.deepEqual(await violations(page.tab), []);
    await page.closes(card);
    await page.openDirects();
    await page.showsNothingOf(direct);
    // Members that were never loaded, and a search among those that were.
    await page.open('VibeTalk');
    await page.findMember('bo');
    await page.member('Bob').waitFor();
    await page.member('Ada').waitFor({ state: 'detached' });
    await page.findMember('nobody');
    await page.members.getByText(page.t('members_away')).waitFor();
    await page.findMember('');
    await page.member('Ada').waitFor();

    await server.start();
    await page.isOnline('Bob');
    await page.shows(page.own, 'presence_online');
    await page.shows(page.member('Ada'), 'presence_online');
    await page.section('members_section_online').waitFor();
    await page.members.getByText(page.t('members_stale')).waitFor({ state: 'detached' });
    await page.openDirects();
    await page.shows(direct, 'presence_online');
  } finally {
    await server.stop();
  }
});

/** From the next page on IndexedDB takes its time to open, as it does on a busy disk. */
const SLOW_DISK_MS = 4000;
const slowDisk = (context) =>
  context.addInitScript((ms) => {
    const { open } = IDBFactory.prototype;
    IDBFactory.prototype.open = function (...request) {
      const opening = open.apply(this, request);
      const listen = opening.addEventListener.bind(opening);
      opening.addEventListener = (type, listener, ...options) =>
        listen(type, type === 'success' ? (event) => setTimeout(listener, ms, event) : listener, ...options);
      return opening;
    };
  }, SLOW_DISK_MS);

/** The groups are on the disk. */
const groupsAreKept = (tab) =>
  tab.waitForFunction(
    () =>
      new Promise((resolve) => {
        const opening = indexedDB.open('vibetalk-cache');
        opening.onsuccess = () => {
          const database = opening.result;
          const done = (kept) => resolve((database.close(), kept));
          if (!database.objectStoreNames.contains('meta')) return done(false);
          const reading = database.transaction('meta').objectStore('meta').get('ready');
          reading.onsuccess = () => done(reading.result !== undefined);
        };
      }),
  );

for (const [how, prepare] of [['', () => {}], [' on a slow disk', slowDisk]]) {
  scene(`a page that is opened without a server${how} shows groups from before, and claims nothing`, async (stage) => {
    const { group, owner, people: [ada] } = await club('Ada');
    const front = await startFront(vt.server.port);
    try {
      const { page } = await stage.signedIn(ada, { origin: front.url, transport: 'polling', tolerates: BROKEN_NETWORK });
      await page.open(group.name);
      await page.isOnline('Olga');
      await groupsAreKept(page.tab);
      await prepare(page.tab.context());
      front.refuses = (path) => path.startsWith('/socket.io/');
      front.cut();
      await page.tab.reload();
      await page.isAt('general');
      await page.shows(page.own, 'presence_disconnected');
      // Rows to come at first, then the reason why they do not.
      await page.members.getByText(page.t('members_away')).waitFor();
      assert.equal(await page.members.getByRole('listitem').count(), 0);
      assert.deepEqual(await violations(page.tab), []);
      front.refuses = () => false; // The next attempt, which nobody has to ask for, gets through.
      await page.isOnline('Olga');
      await page.shows(page.own, 'presence_online');
      await owner.ok('presence:update', { status: 'dnd' });
      await page.shows(page.member('Olga'), 'presence_dnd');
    } finally {
      front.stop();
    }
  });
}
