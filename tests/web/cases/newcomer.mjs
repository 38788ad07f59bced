/** The first visit: what one can do is said, until it is done or dismissed, and nothing that is read gives way to it. */
import assert from 'node:assert/strict';
import { startServer } from '../../js/lib/server.mjs';
import { until } from '../../js/lib/wait.mjs';
import { watchReading } from '../lib/reading.mjs';
import { PICTURE, scene, WAIT_MS } from '../lib/stage.mjs';
import { club, newcomer, resident } from '../lib/world.mjs';

const STEPS = ['first_run_picture', 'first_run_group', 'first_run_invite'];

async function createGroup(page, name) {
  await page.firstStep('first_run_group').click();
  await page.dialog.getByLabel(page.t('add_group_name')).fill(name);
  await page.dialog.getByRole('button', { name: page.t('groups_create') }).click();
  await page.groupMenuButton(name).waitFor();
}

scene('somebody new sees what to do, does it, dismisses it, and no device shows it again', async (stage) => {
  await resident('Olga');
  const nia = await newcomer('Nia');
  const [{ page }, other, third] = await Promise.all([{}, {}, { phone: true }].map((options) => stage.signedIn(nia, options)));
  await page.welcome.waitFor();
  assert.deepEqual(await page.firstSteps(), STEPS);

  await page.firstStep('first_run_picture').click();
  await page.dialog.getByRole('textbox', { name: page.t('profile_picture') }).fill(PICTURE);
  await page.dialog.getByRole('button', { name: page.t('save') }).click();
  await page.closes(page.dialog);
  await page.didStep('first_run_picture');
  await createGroup(page, 'Gardeners');
  await page.didStep('first_run_group');

  await page.tab.reload();
  await page.didStep('first_run_group');
  await other.page.didStep('first_run_picture');
  await third.page.welcome.waitFor();
  await other.page.tab.goto('about:blank');

  await page.button('first_run_dismiss').click();
  for (const each of [page, third.page]) await each.welcome.waitFor({ state: 'detached' });

  // Reloaded here, and where it was shown the last time.
  for (const each of [page, other.page]) {
    const [appeared, told] = [await each.watchWelcome(), each.settingsCome()];
    await each.tab.goto('/');
    await told;
    await each.isAt('general');
    await each.tab.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.equal(await appeared(), false, 'it was there for a moment');
  }
});

scene('all done: it says so, and is gone with the next channel', async (stage) => {
  const { page } = await stage.person('Nia');
  await createGroup(page, 'Gardeners');
  await page.firstStep('first_run_picture').click();
  await page.dialog.getByRole('textbox', { name: page.t('profile_picture') }).fill(PICTURE);
  await page.dialog.getByRole('button', { name: page.t('save') }).click();
  await page.closes(page.dialog);
  await page.firstStep('first_run_invite').click();
  await page.dialog.getByRole('button', { name: page.t('invite_create') }).click();
  await page.dialog.getByRole('textbox', { name: page.t('invite_link') }).waitFor();
  await page.closes(page.dialog);
  await page.didStep('first_run_invite');
  await page.welcome.getByText(page.t('first_run_all_done')).waitFor();
  await page.open('VibeTalk');
  assert.equal(await page.welcome.count(), 0);
});

scene('where nobody else is, inviting people comes first, with the address of the server', async (stage) => {
  const server = await startServer();
  try {
    const { page, context, origin } = await stage.person('Nia', { origin: server.url });
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
    await page.welcome.waitFor();
    assert.deepEqual(await page.firstSteps(), ['first_run_invite', 'first_run_picture', 'first_run_group']);
    await page.firstStep('first_run_invite').click();
    await page.tab.getByText(page.t('first_run_copied', { group: 'VibeTalk' })).waitFor();
    assert.equal(await page.tab.evaluate(() => navigator.clipboard.readText()), origin);
    await page.didStep('first_run_invite');
  } finally {
    await server.stop();
  }
});

scene('whoever comes by an invite into a busy group sees it, above the newest messages', async (stage) => {
  const { group, owner, channelId, invite } = await club();
  for (let line = 1; line <= 60; line += 1) await owner.say(channelId, `line ${line}`);
  const { page } = await stage.person('Nia', { path: `/i/${invite.code}` });
  await page.acceptInvite(group.name);
  await page.welcome.waitFor();
  await page.didStep('first_run_group');
  await page.isInView('line 60');
  const [told, composer, newest] = await Promise.all([page.welcome, page.composer, page.message('line 60')].map((part) => part.boundingBox()));
  assert.ok(told.y + told.height <= newest.y && newest.y + newest.height <= composer.y, 'nothing lies over something else');
  // Only where one arrives.
  await owner.ok('channel:create', { groupId: group.id, name: 'engineering' });
  await page.openChannel('engineering');
  assert.equal(await page.welcome.count(), 0);
});

scene('it moves nothing that is read, and hides no unread line', async (stage) => {
  const { group, owner, channelId, invite } = await club();
  const nia = await newcomer('Nia');
  await nia.ok('invite:accept', { code: invite.code });
  const stored = [];
  for (let line = 1; line <= 100; line += 1) stored.push(await owner.say(channelId, `line ${line}`));
  const rewind = () => nia.ok('channel:read', { channelId, messageId: stored[59].id });
  await rewind();
  const visitor = await stage.signedIn(nia);
  await visitor.page.welcome.waitFor();
  await visitor.page.tab.goto('about:blank');
  const page = await visitor.tab('about:blank');
  const reading = await watchReading(page.tab);

  /** Opened at the line, which is in view, and tells nothing that it has not shown. */
  const opensAtLine = async (how) => {
    await page.newLine.waitFor();
    await until(async () => (await reading.inView()).includes(stored[60].id), WAIT_MS, `${how}: the first unread message is not in view`);
    await reading.rests();
    assert.ok(await page.isVisible(page.newLine), `${how}: the line is out of view`);
    assert.deepEqual(await reading.lies(stored.slice(60)), [], how);
  };
  const told = page.settingsCome();
  await page.tab.goto(`/c/${channelId}`);
  await opensAtLine('by address');
  await told;
  const { y } = await page.newLine.boundingBox();
  await until(() => page.tab.evaluate(() => performance.getEntriesByType('resource').some(({ name }) => /FirstRun/.test(name))), WAIT_MS, 'it is not loaded');
  await page.tab.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.equal((await page.newLine.boundingBox()).y, y, 'the line has moved');

  await page.open('VibeTalk');
  await rewind();
  await page.open(group.name);
  await page.welcome.waitFor();
  await opensAtLine('by click');

  // Dismissed while something is read: that stays where it is.
  const row = page.message('line 62');
  const before = await row.boundingBox();
  await page.button('first_run_dismiss').click();
  await page.welcome.waitFor({ state: 'detached' });
  assert.equal((await row.boundingBox()).y, before.y, 'the row has moved');
});

scene('by keyboard alone: the steps, and the focus stays on the page', async (stage) => {
  const { page, page: { keys } } = await stage.person('Kai');
  await keys.tabTo(page.firstStep('first_run_picture'));
  await keys.press('Enter');
  await page.dialog.waitFor();
  await page.closes(page.dialog);
  await keys.until('Shift+Tab', page.button('first_run_dismiss'));
  await keys.press('Enter');
  await page.welcome.waitFor({ state: 'detached' });
  assert.ok(await page.composer.evaluate((composer) => composer === document.activeElement));
});

for (const [what, options] of Object.entries({
  'on a phone': { phone: true },
  'in Arabic on a phone': { phone: true, locale: 'ar' },
  'enlarged to 200 %': { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
})) {
  scene(`${what} it fits, and leaves room for messages`, async (stage) => {
    const { page } = await stage.person('Nia', options);
    await page.welcome.waitFor();
    assert.ok(await page.overflow() <= 0, 'something sticks out');
    assert.deepEqual(await page.smallTargets(), []);
    const [told, view] = await Promise.all([page.welcome, page.main].map((part) => part.boundingBox()));
    assert.ok(told.height <= view.height / 4, `${told.height} of ${view.height} px`);
  });
}
