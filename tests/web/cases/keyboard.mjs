/** The whole way with the keyboard alone: no pointer event is sent in this scene. */
import assert from 'node:assert/strict';
import { freshName, PASSWORD } from '../../js/lib/people.mjs';
import { scene } from '../lib/stage.mjs';
import { club } from '../lib/world.mjs';

scene('by keyboard alone: sign up, make a group, write, edit, react, switch', async (stage) => {
  const visitor = await stage.visitor();
  visitor.name = 'Kai';
  const { page, page: { keys } } = visitor;

  await keys.tabTo(page.button('auth_create_link'));
  await keys.press('Enter');
  await keys.tabBackTo(page.role('textbox', 'auth_username'));
  await keys.type(freshName('kai'));
  await keys.tabTo(page.role('textbox', 'auth_display_name'));
  await keys.type('Kai');
  await keys.tabTo(page.password);
  await keys.type(PASSWORD);
  await keys.press('Enter');
  await page.isIn();

  await keys.arrowTo(page.rail, page.button('rail_add'));
  await keys.press('Enter');
  await keys.tabTo(page.dialog.getByLabel(page.t('add_group_name')));
  await keys.type('Keyboarders');
  await keys.press('Enter');
  await page.dialog.waitFor({ state: 'detached' });
  await page.groupMenuButton('Keyboarders').waitFor();

  await page.isAt('general');
  await keys.tabTo(page.composer);
  await keys.type('typed, never clicked');
  await keys.press('Enter');
  await page.sees('typed, never clicked');

  await keys.press('ArrowUp');
  await page.isEditing();
  await keys.press('End');
  await keys.type('!');
  await keys.press('Enter');
  await page.sees('typed, never clicked!');

  await keys.arrowTo(page.timeline, page.message('typed, never clicked!'), { back: true });
  await keys.press('+');
  await page.role('searchbox', 'chat_emoji_search').waitFor();
  await keys.type('rocket');
  await page.tab.getByRole('button', { name: 'rocket', exact: true }).first().waitFor();
  await keys.press('Enter');
  await page.reaction('typed, never clicked!', '🚀', 1).waitFor();

  await keys.press('Control+k');
  await page.role('combobox', 'switcher_title').waitFor();
  await keys.type('VibeTalk');
  await page.tab.getByRole('option', { name: /VibeTalk/ }).first().waitFor();
  await keys.press('Enter');
  await page.dialog.waitFor({ state: 'detached' });
  await page.groupMenuButton('VibeTalk').waitFor();

  await keys.press('Control+/');
  await page.dialog.getByRole('heading', { name: page.t('shortcuts_title') }).waitFor();
  await page.closes(page.dialog);
});

scene('the timeline is one stop of Tab, which leads into the message that has the focus', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  const code = (text) => `\`\`\`\n${text}${' and on'.repeat(60)}\n\`\`\``;
  await owner.say(channelId, `first https://example.org/a ||what was hidden||\n\n${code('let first')}`);
  const { id: messageId } = await owner.say(channelId, `see https://example.org/b\n\n${code('let second')}`);
  await owner.ok('reaction:add', { channelId, messageId, emoji: '🚀' });
  await owner.say(channelId, 'the last word');
  const { page, page: { keys } } = await stage.signedIn(ada);
  await page.open(group.name);
  const last = page.message('the last word');
  await last.waitFor();
  const second = page.timeline.getByRole('listitem').filter({ hasText: 'let second' });
  await second.locator('pre').waitFor();

  await page.composer.focus();
  await keys.tabBackTo(page.timeline, { within: true });
  assert.ok(await hasFocus(last), await keys.focused());
  await keys.press('Shift+Tab');
  assert.ok(!(await holdsFocus(page.timeline)), `one stop, not ${await keys.focused()}`);

  await keys.tabTo(last);
  await keys.press('ArrowUp');
  assert.ok(await hasFocus(second), await keys.focused());
  for (const within of [second.getByRole('link'), second.locator('pre'), second.getByRole('button', { name: page.t('chat_reaction', { emoji: '🚀', count: 1 }) })]) {
    await keys.tabTo(within);
    assert.ok(await holdsFocus(second), await keys.focused());
  }
  await keys.tabTo(page.role('toolbar', 'chat_message_actions').getByRole('button').first());
  await keys.press('Shift+Tab');
  assert.ok(await hasFocus(second), await keys.focused());
  await keys.press('Shift+Tab');
  assert.ok(!(await holdsFocus(page.timeline)), `one stop, not ${await keys.focused()}`);
});

const hasFocus = (locator) => locator.evaluate((element) => element === document.activeElement);
const holdsFocus = (locator) => locator.evaluate((element) => element.contains(document.activeElement));
