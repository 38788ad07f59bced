/** The whole way with the keyboard alone: no pointer event is sent in this scene. */
import { freshName, PASSWORD } from '../../js/lib/people.mjs';
import { scene } from '../lib/stage.mjs';

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
