/** A phone, and a language that is read from right to left. */
import assert from 'node:assert/strict';
import { scene } from '../lib/stage.mjs';
import { club } from '../lib/world.mjs';

scene('on a phone one pane shows at a time, and everything can be reached', async (stage) => {
  const { group, owner, channelId, people: [ada] } = await club('Ada');
  await owner.say(channelId, `a long word ${'x'.repeat(300)} and \`${'code '.repeat(60)}\``);
  const { page } = await stage.signedIn(ada, { phone: true });
  await page.showLists();
  await page.open(group.name);
  assert.equal(await page.rail.isVisible(), false, 'the lists give way');
  await page.say('from the tram');
  await page.sees('from the tram');
  assert.ok(await page.overflow() <= 0, 'nothing is wider than the phone');
  const { y, height } = await page.composer.boundingBox();
  assert.ok(y + height <= 844, 'the composer is in view');
  await page.showMembers();
  await page.member('Olga').waitFor();
  await page.closes(page.members);
  await page.button('chat_back').click();
  await page.rail.waitFor();
  assert.ok(await page.overflow() <= 0);
});

scene('Arabic is laid out from right to left', async (stage) => {
  const { group, owner, channelId, people: [ada] } = await club('Ada');
  await owner.say(channelId, 'left to right');
  const { page } = await stage.signedIn(ada, { locale: 'ar' });
  assert.deepEqual(await page.tab.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), ['ar', 'rtl']);
  await page.open(group.name);
  await page.say('مرحبا بالجميع');
  await page.sees('مرحبا بالجميع');
  const [rail, timeline, members] = await Promise.all([page.rail, page.timeline, page.members].map((part) => part.boundingBox()));
  assert.ok(rail.x > timeline.x && timeline.x > members.x, 'groups are at the right, members at the left');
  assert.ok(await page.overflow() <= 0, 'nothing sticks out');
  const direction = (content) => page.timeline.getByText(content, { exact: true }).last().evaluate((element) => getComputedStyle(element).direction);
  assert.equal(await direction('left to right'), 'ltr', 'what people wrote keeps its own direction');
  assert.equal(await direction('مرحبا بالجميع'), 'rtl');
});
