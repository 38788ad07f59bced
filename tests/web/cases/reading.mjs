/** The read state is the truth: nothing is marked read that was not in view, whatever the page remembers. */
import assert from 'node:assert/strict';
import { until } from '../../js/lib/wait.mjs';
import { startFront } from '../lib/front.mjs';
import { watchReading } from '../lib/reading.mjs';
import { BROKEN_NETWORK, scene, WAIT_MS } from '../lib/stage.mjs';
import { club, vt } from '../lib/world.mjs';

const UNREAD = [5, 40, 100, 250, 1000];
/** More than a page, so that the beginning of the channel is no help. */
const READ_BEFORE = 60;
/** Below what one connection may leave unanswered. */
const BATCH = 500;

/** Rows of several heights, numbered. */
function content(number) {
  if (number % 7 === 0) return `entry ${number}\n\`\`\`js\nconst a = ${number};\nconst b = a;\n\`\`\``;
  return number % 3 === 0 ? `entry ${number} ${'and so on, '.repeat(12)}` : `entry ${number}`;
}

/** Written at once; the answers in the order of writing. */
const sayAll = (person, channelId, contents) => Promise.all(contents.map((each) => person.say(channelId, each)));
const numbered = (count, word = 'late') => Array.from({ length: count }, (_, index) => `${word} ${index + 1}`);

/** A channel that Ada has read up to `READ_BEFORE`, with so many messages since. */
async function waiting(unread) {
  const world = await club('Ada');
  const { channelId, owner, people: [ada] } = world;
  const stored = [];
  while (stored.length < READ_BEFORE + unread) {
    const size = Math.min(BATCH, READ_BEFORE + unread - stored.length);
    stored.push(...await Promise.all(Array.from({ length: size }, (_, index) => owner.say(channelId, content(stored.length + index + 1)))));
  }
  const found = {
    ...world,
    ada,
    stored,
    first: stored[READ_BEFORE],
    address: `/c/${channelId}`,
    /** As another device of hers would. */
    rewind: (count = READ_BEFORE) => ada.ok('channel:read', { channelId, messageId: stored[count - 1].id }),
    serverState: () => ada.seen('readState:updated').at(-1).lastReadId,
  };
  await found.rewind();
  return found;
}

/** All of it read. */
async function allRead(count = 5) {
  const world = await waiting(count);
  const newest = world.stored.at(-1).id;
  await world.ada.ok('channel:read', { channelId: world.channelId, messageId: newest });
  return { ...world, newest };
}

/** The page has opened at the first unread message, has told what it shows, and nothing else. */
async function opensThere({ page, reading, first, stored, serverState, what }) {
  await page.newLine.waitFor();
  await until(async () => (await reading.inView()).includes(first.id), WAIT_MS, `${what}: the first unread message is not in view`);
  const upTo = await reading.rests().catch((cause) => assert.fail(`${what}: ${cause.message}`));
  assert.ok(await page.isVisible(page.newLine), `${what}: the line is out of view`);
  assert.ok(await page.unreadBar.isVisible(), `${what}: no bar`);
  assert.deepEqual(await reading.lies(stored.slice(stored.indexOf(first))), [], what);
  await until(() => serverState() === upTo, WAIT_MS, `${what}: the server has another state`);
  assert.ok(BigInt(upTo) >= BigInt(first.id), what);
}

for (const unread of UNREAD) {
  scene(`${unread} unread: opened by click, by address and after a reload, with an empty and a full cache`, async (stage) => {
    const world = await waiting(unread);
    const { group, ada, address, rewind } = world;
    const visits = {
      'by click': async (page) => { await page.tab.goto('/'); await page.open(group.name); },
      'by address': (page) => page.tab.goto(address),
      'after a reload': async (page, reading) => { await page.tab.goto(address); await reading.rests(); await rewind(); reading.forget(); await page.tab.reload(); },
    };
    const visitor = await stage.signedIn(ada);
    await visitor.page.open(group.name);
    const signedIn = await visitor.context.storageState();
    await visitor.page.tab.goto('about:blank');
    for (const [how, visit] of Object.entries(visits)) {
      for (const cache of ['empty', 'full']) {
        await rewind();
        const guest = cache === 'full' ? visitor : await stage.visitor({ storageState: signedIn, path: 'about:blank' });
        const page = await guest.tab('about:blank');
        const reading = await watchReading(page.tab);
        await visit(page, reading);
        await opensThere({ ...world, page, reading, what: `${how}, the cache ${cache}` });
        await page.tab.close();
      }
    }
  });
}

scene('on a phone, where a group is chosen in the lists first, a channel opens at the line, too', async (stage) => {
  const world = await waiting(40);
  const { page } = await stage.signedIn(world.ada, { phone: true });
  await page.showLists();
  await page.openGroup(world.group.name);
  // Behind the lists: nothing is read.
  await world.owner.say(world.channelId, 'one more');
  assert.equal(world.serverState(), world.stored[READ_BEFORE - 1].id);
  await page.openChannel('general');
  await page.isInView('entry 61');
  await until(() => page.isVisible(page.newLine), WAIT_MS, 'the line is out of view');
  assert.ok(await page.unreadBar.isVisible());
});

scene('marked unread far up, it is so after a reload', async (stage) => {
  const world = await waiting(250);
  const { ada, address, stored, serverState } = world;
  await ada.ok('channel:read', { channelId: world.channelId, messageId: stored.at(-1).id });
  const { page, context } = await stage.signedIn(ada);
  const reading = await watchReading(page.tab);
  for (const number of [151, 80]) {
    const { id } = stored[number - 1];
    await page.tab.goto(`${address}/${id}`);
    const row = `entry ${number}`;
    await page.isInView(row);
    await page.item(await page.menuOf(row), 'chat_action_mark_unread').click();
    await until(() => serverState() === String(BigInt(id) - 1n), WAIT_MS, 'not marked unread');
    reading.forget();
    await page.tab.goto(address);
    await opensThere({ ...world, page, reading, first: stored[number - 1], what: row });
  }
  assert.equal(context.pages().length, 1);
});

scene('set back on another device while the channel is open, it stays so until it is left, in every tab', async (stage) => {
  const world = await waiting(40);
  const { group, ada, owner, channelId, address, stored, rewind, serverState } = world;
  await ada.ok('channel:read', { channelId, messageId: stored.at(-1).id });
  const visitor = await stage.signedIn(ada);
  const first = visitor.page;
  await first.tab.goto(address);
  await first.isInView('entry 100');
  const second = await visitor.tab(address);
  await second.isInView('entry 100');
  await rewind();
  for (const page of [first, second]) await page.unreadBar.waitFor();
  // Both look again, and something comes in.
  for (const page of [first, second]) await page.tab.bringToFront();
  await owner.say(channelId, 'one more');
  for (const page of [first, second]) await page.sees('one more');
  assert.equal(serverState(), stored[READ_BEFORE - 1].id);
  await second.openGroup('VibeTalk');
  await second.openGroup(group.name);
  await second.newLine.waitFor();
  await second.isInView(`entry ${READ_BEFORE + 1}`);
  assert.ok(await second.isVisible(second.newLine));
  await until(() => BigInt(serverState()) > BigInt(stored[READ_BEFORE].id), WAIT_MS, 'reading on is not told');
  assert.ok(BigInt(serverState()) < BigInt(stored.at(-1).id), 'not all of it was in view');
});

scene('the bar under the head leads back to the first unread message, or marks all read', async (stage) => {
  const world = await waiting(40);
  const { ada, group, address, stored, serverState, rewind } = world;
  const { page } = await stage.signedIn(ada);
  await page.tab.goto(address);
  await page.newLine.waitFor();
  await page.jumpToPresent();
  await page.isInView('entry 100');
  await page.unreadBar.click();
  await page.isInView(`entry ${READ_BEFORE + 1}`);
  assert.ok(await page.isVisible(page.newLine));
  await page.unreadBar.waitFor({ state: 'detached' });

  await page.openGroup('VibeTalk');
  await rewind();
  await page.groupWaits(group.name, true);
  await page.openGroup(group.name);
  await page.unreadBar.waitFor();
  await page.main.getByRole('button', { name: page.t('channels_mark_read') }).click();
  await page.unreadBar.waitFor({ state: 'detached' });
  await page.newLine.waitFor({ state: 'detached' });
  await until(() => serverState() === stored.at(-1).id, WAIT_MS, 'not all is marked read');
  await page.groupWaits(group.name, false);
});

scene('a link over unread messages reads none of them', async (stage) => {
  const world = await waiting(100);
  const { ada, address, stored, first } = world;
  const { page } = await stage.signedIn(ada);
  const reading = await watchReading(page.tab);
  await page.tab.goto(`${address}/${stored[129].id}`);
  await page.isInView('entry 130');
  await page.tab.goto(address);
  await opensThere({ ...world, page, reading, first, what: 'after the link' });
  assert.ok(reading.told.every(({ messageId }) => BigInt(messageId) < BigInt(stored[125].id)));
});

scene('on a phone what comes while the lists are shown is not read', async (stage) => {
  const world = await waiting(5);
  const { ada, owner, group, channelId, address, stored, serverState } = world;
  await ada.ok('channel:read', { channelId, messageId: stored.at(-1).id });
  const { page } = await stage.signedIn(ada, { phone: true });
  await page.tab.goto(address);
  await page.isInView('entry 65');
  await page.showLists();
  const late = await owner.say(channelId, 'while you were choosing');
  await page.groupWaits(group.name, true);
  assert.equal(serverState(), stored.at(-1).id);
  await page.openGroup(group.name);
  await page.channel('general').click();
  await page.isInView('while you were choosing');
  await until(() => serverState() === late.id, WAIT_MS, 'it is not read');
});

scene('on a phone what comes while the lists are shown moves nothing that is read', async (stage) => {
  const { ada, owner, group, channelId, address, stored } = await waiting(5);
  await ada.ok('channel:read', { channelId, messageId: stored.at(-1).id });
  const { page } = await stage.signedIn(ada, { phone: true });
  await page.tab.goto(address);
  await page.isInView('entry 65');
  await page.message('entry 41').scrollIntoViewIfNeeded();
  await page.isInView('entry 41');
  await page.button('chat_jump_to_present').waitFor();
  /** Below the upper edge of the timeline, or of the bar that has come there. */
  const offset = () => page.message('entry 41').evaluate((row) => row.getBoundingClientRect().top - row.closest('ol').parentElement.getBoundingClientRect().top);
  const before = await offset();
  await page.showLists();
  await owner.say(channelId, 'while you were choosing');
  await page.groupWaits(group.name, true);
  await page.channel('general').click();
  await page.button('chat_new_messages').waitFor();
  const moved = async () => (await offset()) - before;
  await until(async () => Math.abs(await moved()) <= 1, WAIT_MS, 'the row has moved').catch(async (cause) => assert.fail(`${cause.message}: by ${await moved()} px`));
});

scene('on a phone more than a screen of it comes, or another device sets the channel back: it opens there', async (stage) => {
  const { ada, owner, group, channelId, address, newest, stored, rewind, serverState } = await allRead();
  const { page } = await stage.signedIn(ada, { phone: true });
  const reading = await watchReading(page.tab);
  await page.tab.goto(address);
  await page.isInView('entry 65');
  await page.showLists();
  const late = await sayAll(owner, channelId, numbered(80));
  await page.groupWaits(group.name, true);
  assert.equal(serverState(), newest);
  await page.channel('general').click();
  await page.isInView('late 1');
  assert.ok(await page.isVisible(page.newLine));
  await reading.rests();
  assert.deepEqual(await reading.lies(late), []);
  assert.ok(BigInt(serverState()) < BigInt(late.at(-1).id));

  await page.jumpToPresent();
  await page.isInView('late 80');
  await page.showLists();
  await rewind();
  reading.forget();
  await page.channel('general').click();
  await page.isInView(`entry ${READ_BEFORE + 1}`);
  await reading.rests();
  assert.deepEqual(await reading.lies([...stored.slice(READ_BEFORE), ...late]), []);
});

scene('what comes behind another window, or behind a dialog, is not read before it is looked at', async (stage) => {
  const { ada, owner, channelId, address, newest, serverState } = await allRead();
  const { page } = await stage.signedIn(ada);
  const reading = await watchReading(page.tab);
  await page.tab.goto(address);
  await page.isInView('entry 65');
  await page.openSettings();
  const behind = await owner.say(channelId, 'behind the dialog');
  await page.seesPart('behind the dialog');
  assert.equal(serverState(), newest);
  await page.tab.keyboard.press('Escape');
  await until(() => serverState() === behind.id, WAIT_MS, 'it is not read');

  await page.tab.evaluate(() => (document.hasFocus = () => false));
  const late = await sayAll(owner, channelId, numbered(60));
  await page.isInView('late 60');
  assert.equal(serverState(), behind.id);
  await page.tab.evaluate(() => {
    delete document.hasFocus;
    window.dispatchEvent(new Event('focus'));
  });
  await page.unreadBar.click();
  await page.isInView('late 1');
  await reading.rests();
  assert.deepEqual(await reading.lies([behind, ...late]), []);
  assert.ok(BigInt(serverState()) < BigInt(late.at(-1).id));
});

scene('a connection is back after 300 messages: the reader is taken to the first of them', async (stage) => {
  const { ada, owner, channelId, address, newest, serverState } = await allRead();
  const front = await startFront(vt.server.port);
  try {
    const { page } = await stage.signedIn(ada, { origin: front.url, transport: 'polling', tolerates: BROKEN_NETWORK });
    const reading = await watchReading(page.tab);
    await page.tab.goto(address);
    await page.isInView('entry 65');
    front.refuses = (path) => path.startsWith('/socket.io/');
    front.cut();
    const late = await sayAll(owner, channelId, numbered(300));
    front.refuses = () => false;
    await page.isInView('late 1');
    await until(() => page.isVisible(page.newLine), WAIT_MS, 'the line is out of view');
    await page.unreadBar.waitFor();
    await until(() => serverState() !== newest, WAIT_MS, 'what is in view is not told');
    for (const { lastReadId } of ada.seen('readState:updated')) assert.deepEqual(reading.skipped(lastReadId, late), []);
  } finally {
    front.stop();
  }
});

scene('neither going to the present nor writing there reads what lies before', async (stage) => {
  const { ada, address, stored, serverState } = await waiting(250);
  const { page } = await stage.signedIn(ada);
  const reading = await watchReading(page.tab);
  await page.tab.goto(address);
  await page.newLine.waitFor();
  await page.jumpToPresent();
  await page.isInView('entry 310');
  await page.say('mine');
  await page.tab.mouse.move(700, 400);
  await page.tab.mouse.wheel(0, -100);
  await page.tab.mouse.wheel(0, 200);
  await page.isInView('mine');
  await page.unreadBar.click();
  await page.isInView(`entry ${READ_BEFORE + 1}`);
  await reading.rests();
  assert.deepEqual(await reading.lies(stored.slice(READ_BEFORE)), []);
  assert.ok(BigInt(serverState()) < BigInt(stored[READ_BEFORE + 100].id));
});

scene('the place that was left is deleted: it opens beside it, and what is new stays new', async (stage) => {
  const { ada, group, owner, channelId, address, newest, serverState } = await allRead();
  const { page } = await stage.signedIn(ada);
  const reading = await watchReading(page.tab);
  await page.tab.goto(address);
  await page.isInView('entry 65');
  await page.message('entry 31').scrollIntoViewIfNeeded();
  await page.isInView('entry 31');
  await page.button('chat_jump_to_present').waitFor();
  const [first, second, ...others] = await reading.inView();
  await page.openGroup('VibeTalk');
  for (const messageId of [first, second]) await owner.ok('message:delete', { channelId, messageId });
  const late = await sayAll(owner, channelId, numbered(40));
  await page.groupWaits(group.name, true);
  await page.openGroup(group.name);
  await until(async () => (await reading.inView()).includes(others[0]), WAIT_MS, 'it opens elsewhere');
  await page.unreadBar.waitFor();
  assert.equal(serverState(), newest);
  assert.deepEqual(await reading.lies(late), []);
});

scene('a link is followed with a full cache, too', async (stage) => {
  const { ada, address, stored, rewind } = await waiting(40);
  const { page } = await stage.signedIn(ada);
  const reading = await watchReading(page.tab);
  await page.tab.goto(address);
  await page.jumpToPresent();
  await page.isInView('entry 100');
  await rewind();
  for (const number of [92, 58]) {
    // A page that goes away keeps what it shows.
    await page.tab.goto('about:blank');
    reading.forget();
    await page.tab.goto(`${address}/${stored[number - 1].id}`);
    await page.isInView(`entry ${number}`);
    await page.unreadBar.waitFor();
    await page.isInView(`entry ${number}`);
    assert.deepEqual(await reading.lies(stored.slice(READ_BEFORE)), []);
  }
});

scene('an unread mark ends with its message, also of a mention and in a direct channel', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  const direct = await owner.ok('direct:open', { userIds: [ada.id] });
  const { page } = await stage.signedIn(ada);
  await page.open('VibeTalk');
  for (const where of [channelId, direct.id]) {
    const gone = await owner.say(where, `psst, <@${ada.id}>`);
    await page.hasTitle(/^\(1\) /);
    if (where === channelId) await page.groupWaits(group.name, true);
    await owner.ok('message:delete', { channelId: where, messageId: gone.id });
    await page.hasTitle(/^(?!\()/);
    await page.groupWaits(group.name, false);
    await page.directsWait(false);
  }
  // Once more where something was read before it, and while the page is away.
  const kept = await owner.say(channelId, 'this stays');
  await page.open(group.name);
  await page.sees('this stays');
  await until(() => ada.seen('readState:updated').at(-1)?.lastReadId === kept.id, WAIT_MS, 'it is not read');
  await page.open('VibeTalk');
  const gone = await owner.say(channelId, 'this does not');
  await page.groupWaits(group.name, true);
  await page.tab.goto('about:blank');
  await owner.ok('message:delete', { channelId, messageId: gone.id });
  await page.tab.goto('/');
  await page.isIn();
  await page.groupWaits(group.name, false);
});

scene('what somebody writes themselves never waits for them', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  const { page } = await stage.signedIn(ada);
  await page.open('VibeTalk');
  const mine = await ada.say(channelId, 'from my other device');
  await until(() => ada.seen('readState:updated').at(-1)?.lastReadId === mine.id, WAIT_MS, 'the server is not told');
  await page.groupWaits(group.name, false);
  await page.tab.reload();
  await page.isIn();
  await page.groupWaits(group.name, false);
  await owner.say(channelId, 'an answer');
  await page.groupWaits(group.name, true);
});
