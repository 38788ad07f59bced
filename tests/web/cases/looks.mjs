/** What is judged by eye, as far as it can be measured: directions, widths, edges, titles, what happens to a file. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { scene } from '../lib/stage.mjs';
import { club } from '../lib/world.mjs';

const HEBREW_NAME = 'דנה';

scene('a name from the other direction turns no sentence round', async (stage) => {
  const { group, groupId, channelId, owner, people: [ada] } = await club('Ada');
  await owner.ok('member:update', { groupId, userId: owner.id, nickname: HEBREW_NAME });
  await owner.say(channelId, 'shalom');
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.sees('shalom');
  await owner.ok('typing:start', { channelId });
  const line = page.main.getByText(page.t('chat_typing', { names: HEBREW_NAME }));
  const [name, verb] = await Promise.all([HEBREW_NAME, 'is typing'].map((part) => left(line, part)));
  assert.ok(name < verb, `the name stands at ${name}, what it does at ${verb}`);
});

/** Where `part` of the text begins, from the left edge of the window. */
function left(line, part) {
  return line.evaluate((element, wanted) => {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const at = node.data.indexOf(wanted);
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      return range.getBoundingClientRect().left;
    }
    throw new Error(`no ${wanted} in ${element.textContent}`);
  }, part);
}

scene('a name from the other direction leaves no hole in the head of its channel', async (stage) => {
  const { group, groupId, owner, people: [ada] } = await club('Ada');
  await owner.ok('channel:create', { groupId, name: 'חדר', topic: 'נושא השיחה' });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name, 'חדר');
  const title = page.main.getByRole('heading', { level: 1 });
  const topic = page.main.getByRole('button', { name: 'נושא השיחה' });
  const gaps = await title.evaluate((heading, button) => {
    const edges = (element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      return range.getBoundingClientRect();
    };
    const icon = heading.previousElementSibling.getBoundingClientRect();
    return [edges(heading).left - icon.right, edges(button).left - edges(heading).right];
  }, await topic.elementHandle());
  for (const gap of gaps) assert.ok(gap >= 0 && gap <= 32, `gaps of ${gaps} px in the head`);
});

const PROSE = 'The quick brown fox jumps over the lazy dog, and then it does so once more. '.repeat(12);

scene('on a wide screen rows end at 60 rem, and prose after about 75 characters', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  await owner.say(channelId, PROSE);
  const { page } = await stage.signedIn(ada, { viewport: { width: 2560, height: 1300 } });
  await page.open(group.name);
  await page.seesPart('quick brown fox');
  const row = page.timeline.getByRole('listitem').last();
  assert.ok((await row.boundingBox()).width <= 60 * 16);
  assert.ok((await page.composer.boundingBox()).width <= 60 * 16);
  const longest = await row.getByRole('paragraph').evaluate((paragraph) => {
    const text = paragraph.firstChild;
    const lines = new Map();
    for (let at = 0; at < text.length; at += 1) {
      const range = document.createRange();
      range.setStart(text, at);
      range.setEnd(text, at + 1);
      const { top } = range.getBoundingClientRect();
      lines.set(top, (lines.get(top) ?? 0) + 1);
    }
    return Math.max(...lines.values());
  });
  assert.ok(longest >= 60 && longest <= 85, `the longest line has ${longest} characters`);
});

scene('on a wide screen messages and composer stand below one another', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  for (let line = 1; line <= 60; line += 1) await owner.say(channelId, `line ${line}`);
  const { page } = await stage.signedIn(ada, { viewport: { width: 2560, height: 1300 } });
  await page.open(group.name);
  await page.sees('line 60');
  const centre = async (part) => {
    const { x, width } = await part.boundingBox();
    return x + width / 2;
  };
  assert.equal(await centre(page.timeline), await centre(page.role('region', 'chat_composer')));
});

scene('the actions of a message stand at its upper edge, also below the bar of what is unread', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  const { id } = await owner.say(channelId, 'read');
  await owner.say(channelId, 'unread');
  await ada.ok('channel:read', { channelId, messageId: id });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.unreadBar.waitFor();
  const toolbar = await (await page.toolbarOf('unread')).boundingBox();
  const row = await page.message('unread').boundingBox();
  assert.ok(toolbar.y < row.y && toolbar.y + toolbar.height > row.y, `${toolbar.y} to ${toolbar.y + toolbar.height}, the row begins at ${row.y}`);
});

scene('a topic from the other direction stands where the others do', async (stage) => {
  const { group, groupId, owner, people: [ada] } = await club('Ada');
  await owner.ok('channel:create', { groupId, name: 'weather', topic: 'נושא השיחה' });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name, 'weather');
  const [topic, beginning] = await Promise.all([page.timeline.getByText('נושא השיחה'), page.timeline.getByText(page.t('chat_beginning_text'))].map((text) => text.evaluate((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect().left;
  })));
  assert.equal(topic, beginning);
});

scene('enlarged to 200 %, the channel has the whole window', async (stage) => {
  const { group, people: [ada] } = await club('Ada');
  const { page } = await stage.signedIn(ada, { viewport: { width: 680, height: 400 }, deviceScaleFactor: 2 });
  await page.showLists();
  await page.open(group.name);
  assert.equal((await page.main.boundingBox()).width, 680);
  assert.ok(await page.overflow() <= 0);
});

scene('what is cut off at its end keeps its lower edge', async (stage) => {
  const { group, groupId, owner, people: [ada] } = await club('Ada');
  await owner.ok('channel:create', { groupId, name: 'engineering-jpqgy' });
  const { page } = await stage.signedIn(ada, { reducedMotion: 'reduce', deviceScaleFactor: 2 });
  await page.open(group.name, 'engineering-jpqgy');
  await page.tab.mouse.move(0, 0);
  const title = page.main.getByRole('heading', { level: 1 });
  const { x, y, width, height } = await title.boundingBox();
  const clip = { x: x + 1, y: y - 4, width: width - 2, height: height + 8 };
  const asShown = await page.tab.screenshot({ clip });
  await title.evaluate((heading) => { heading.style.overflow = 'visible'; });
  assert.ok(asShown.equals(await page.tab.screenshot({ clip })), 'the letters reach below the line');
});

scene('long code does not widen the list of pins', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  const { id } = await owner.say(channelId, `\`\`\`js\nconst line = "${'x'.repeat(300)}";\n\`\`\`\n${'y'.repeat(300)}`);
  await owner.ok('pin:add', { channelId, messageId: id });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.button('chat_pins').click();
  const panel = page.role('dialog', 'chat_pins');
  await page.role('button', 'chat_pins_jump').waitFor();
  assert.ok(await panel.evaluate((element) => element.scrollWidth <= element.clientWidth), 'nothing scrolls sideways');
});

scene('the channels are one stop of Tab, and the arrows lead to the menu of a row', async (stage) => {
  const { group, groupId, owner, people: [ada] } = await club('Ada');
  for (const name of ['design', 'random']) await owner.ok('channel:create', { groupId, name });
  const { page, page: { keys } } = await stage.signedIn(ada);
  await page.open(group.name, 'design');
  const stops = await page.channels.getByRole('list').evaluate((list) => [...list.querySelectorAll('a, button')].filter(({ tabIndex }) => tabIndex >= 0).length);
  assert.equal(stops, 1);
  await keys.arrowTo(page.channels.getByRole('list'), page.channel('random'), { back: true });
  await keys.press('ArrowRight');
  await keys.press('Enter');
  const menu = await page.menu();
  await page.item(menu, 'channels_mark_read').waitFor();
  await page.closes(menu);
  await keys.press('ArrowLeft');
  await keys.until('ArrowUp', page.channel('design'));
});

const FILE = fileURLToPath(import.meta.url);

scene('a dropped file is refused in words, and leads nowhere', async (stage) => {
  const { group, people: [ada] } = await club('Ada');
  const visitor = await stage.signedIn(ada);
  const { page } = visitor;
  await page.open(group.name);
  const address = page.tab.url();
  const debuggee = await visitor.context.newCDPSession(page.tab);
  for (const place of [page.rail, page.timeline, page.composer, page.members]) {
    const { x, y, width, height } = await place.boundingBox();
    const at = { x: x + width / 2, y: y + height / 2, data: { items: [], files: [FILE], dragOperationsMask: 1 } };
    for (const type of ['dragEnter', 'dragOver', 'drop']) await debuggee.send('Input.dispatchDragEvent', { type, ...at });
    const words = page.tab.getByText(page.t('files_refused'));
    await words.waitFor();
    await page.button('close').last().click();
    await words.waitFor({ state: 'detached' });
  }
  assert.equal(page.tab.url(), address);
  await page.say('still here');
});

scene('the tab is called after what is open in it', async (stage) => {
  const { group, owner, people: [ada] } = await club('Ada');
  const direct = await owner.ok('direct:open', { userIds: [ada.id] });
  await owner.say(direct.id, 'psst');
  const { page } = await stage.signedIn(ada);
  const title = async () => (await page.tab.title()).replace(/[\u2066-\u2069]/g, '').replace(/^\(\d+\) /, '');
  await page.open(group.name);
  assert.equal(await title(), `#general · ${group.name} · VibeTalk`);
  await page.openDirects();
  await page.openDirect('Olga');
  assert.equal(await title(), 'Olga · VibeTalk');
});

scene('the row that is being edited is marked, and text that is too long says so', async (stage) => {
  const { group, people: [ada] } = await club('Ada');
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.say('first');
  await page.say('second');
  const ground = (content) => page.message(content).evaluate((row) => getComputedStyle(row).backgroundColor);
  await page.tab.mouse.move(0, 0);
  const plain = await ground('first');
  await page.composer.press('ArrowUp');
  await page.isEditing();
  assert.notEqual(await ground('second'), plain);
  assert.equal(await ground('first'), plain);
  await page.tab.keyboard.press('Escape');

  await page.composer.fill('x'.repeat(4012));
  await page.composer.press('Enter');
  const reason = page.main.getByText(/12 characters too many/);
  assert.ok(await reason.isVisible());
  assert.equal(await page.composer.getAttribute('aria-describedby'), await reason.getAttribute('id'));
  await page.composer.fill('short');
  await reason.waitFor({ state: 'detached' });
});

scene('who has failed to sign in too often is told that it is so, and until when', async (stage) => {
  const refusal = { error: { code: 'rate_limited', message: 'too many failed logins', retryAfterMs: 240_000 } };
  const { page } = await stage.visitor({
    tolerates: /status of 429/,
    prepare: (context) => context.route('**/api/v1/auth/login', (route) => route.fulfill({ status: 429, json: refusal })),
  });
  await page.role('textbox', 'auth_username').fill('somebody');
  await page.password.fill('not the password');
  await page.button('sign_in').click();
  await page.tab.getByRole('alert').getByText(page.t('auth_limited', { time: '4 minutes' })).waitFor();
});

scene('on a phone: targets of at least 24 px, nothing about keys, no bar below tabs', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  const sent = await owner.say(channelId, 'look at https://example.org/ **now**');
  await owner.ok('reaction:add', { channelId, messageId: sent.id, emoji: '👍' });
  const { page } = await stage.signedIn(ada, { phone: true });
  const small = {};
  const look = async (view) => Object.assign(small, ...(await page.smallTargets()).map((target) => ({ [`${view}: ${target}`]: true })));
  await page.showLists();
  await look('home');
  await page.open(group.name);
  await page.seesPart('look at');
  await page.say('mine');
  await look('channel');
  await page.composer.focus();
  await page.composer.press('ArrowUp');
  await page.main.getByText(page.t('chat_editing_touch')).waitFor();
  await look('editing');
  await page.tab.keyboard.press('Escape');
  await page.showMembers();
  await page.member('Olga').waitFor();
  await look('members');
  await page.closes(page.members);
  await page.button('chat_back').click();
  await page.openSettings();
  const bar = await page.tab.getByRole('tablist').evaluate((list) => list.offsetHeight - list.clientHeight - list.clientTop);
  assert.ok(bar <= 1, `a bar of ${bar} px below the tabs`);
  for (const tab of ['settings_profile', 'settings_account', 'settings_appearance', 'settings_notifications', 'settings_connection']) {
    await page.role('tab', tab).click();
    await look(tab);
  }
  assert.deepEqual(Object.keys(small), []);
});
