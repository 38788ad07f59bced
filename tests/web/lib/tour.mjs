/** Walks somebody through every main view, and stops at each: `for await (const { name, page } of tour(…))`. */

/** On a desktop. The reader of `world` (lively.mjs) is signed in on the way. */
export async function* tour(stage, world, options) {
  const { names } = world;
  await world.rewind();
  const visitor = await stage.visitor(options);
  visitor.name = names.group;
  const { page } = visitor;
  const at = (name) => ({ name, page });

  await page.isOut();
  yield at('sign-in');
  await page.button('auth_create_link').click();
  await page.button('sign_up').click();
  yield at('sign-up');
  await page.button('sign_in').click();
  await page.signIn(world.reader.person);
  await page.open(names.group);
  await page.seesPart('screenshots look lovely');
  await page.isOnline(names.owner);
  await page.tab.mouse.move(0, 0);
  yield at('channel');
  await page.toolbarOf('Fantastic, thank you!');
  yield at('message');
  const menu = await page.menuOf('Fantastic, thank you!');
  yield at('message-menu');
  await page.closes(menu);
  await (await page.toolbarOf('Fantastic, thank you!')).getByRole('button', { name: page.t('chat_action_react') }).click();
  await page.role('searchbox', 'chat_emoji_search').waitFor();
  await page.tab.getByRole('button', { name: 'grinning face', exact: true }).first().waitFor();
  yield at('emoji');
  await page.closes(page.role('searchbox', 'chat_emoji_search'));
  await page.composer.pressSequentially('@pri');
  await page.tab.getByRole('option').first().waitFor();
  yield at('mention');
  await page.tab.keyboard.press('Escape');
  await page.composer.fill('');
  const card = await page.openCard(names.member);
  yield at('card');
  await page.closes(card);
  await page.button('chat_pins').click();
  await page.role('button', 'chat_pins_jump').first().waitFor();
  yield at('pins');
  await page.closes(page.tab.getByRole('dialog', { name: page.t('chat_pins') }));

  const groupMenu = await page.openGroupMenu(names.group);
  yield at('group-menu');
  await page.item(groupMenu, 'group_menu_invite').click();
  await page.dialog.getByRole('button', { name: page.t('invite_create') }).click();
  await page.dialog.getByRole('textbox', { name: page.t('invite_link') }).waitFor();
  yield at('invites');
  await page.closes(page.dialog);
  await page.item(await page.openGroupMenu(names.group), 'group_menu_settings').click();
  await page.dialog.waitFor();
  yield at('group-settings');
  for (const key of ['settings_channels', 'settings_members', 'settings_invites', 'settings_bans']) {
    await page.role('tab', key).click();
    // Rows are hidden until they have been measured.
    if (key === 'settings_members') await page.dialog.getByRole('button', { name: names.member }).waitFor();
    yield at(key.replace('settings_', 'group-settings-'));
  }
  await page.closes(page.dialog);
  await page.item(await page.openGroupMenu(names.group), 'channels_create').click();
  await page.dialog.waitFor();
  yield at('create-channel');
  await page.closes(page.dialog);
  await page.channel('random').hover();
  await page.button('channels_more', { name: 'random' }).click();
  await page.item(await page.menu(), 'channels_settings').click();
  await page.dialog.waitFor();
  yield at('channel-settings');
  await page.closes(page.dialog);
  await page.button('rail_add').click();
  await page.dialog.waitFor();
  yield at('add-group');
  await page.closes(page.dialog);

  for (const key of ['settings_profile', 'settings_account', 'settings_appearance', 'settings_notifications', 'settings_connection']) {
    await page.openSettings();
    await page.role('tab', key).click();
    yield at(key.replace('_', '-'));
    await page.closes(page.dialog);
  }
  await page.tab.keyboard.press('Control+k');
  await page.role('combobox', 'switcher_title').fill('e');
  yield at('switcher');
  await page.closes(page.dialog);
  await page.tab.keyboard.press('Control+/');
  await page.dialog.getByRole('heading', { name: page.t('shortcuts_title') }).waitFor();
  yield at('shortcuts');
  await page.closes(page.dialog);

  await page.openDirects();
  await page.openDirect(names.direct);
  await page.seesPart('stroke a little lighter');
  yield at('direct');
  const other = await stage.signedIn(world.newcomer, options);
  await other.page.welcome.waitFor();
  yield { name: 'newcomer', page: other.page };
  await other.page.openDirects();
  await other.page.says('home_text');
  yield { name: 'home', page: other.page };
  await page.tab.goto(`/i/${world.invite.code}`);
  await page.main.getByRole('button', { name: page.t('invite_open') }).waitFor();
  yield at('invite');
}

/** The views that a phone shows differently. */
export async function* phoneTour(stage, world, options) {
  const { names } = world;
  await world.rewind();
  const { page } = await stage.signedIn(world.reader, { ...options, phone: true });
  const at = (name) => ({ name, page });
  await page.showLists();
  await page.openGroup(names.group);
  yield at('lists');
  await page.openChannel('general');
  await page.seesPart('screenshots look lovely');
  await page.tab.mouse.move(0, 0);
  yield at('channel');
  await page.showMembers();
  await page.isOnline(names.owner);
  yield at('members');
  await page.closes(page.members);
  await page.button('chat_back').click();
  await page.openSettings();
  yield at('settings');
  const other = await stage.signedIn(world.newcomer, { ...options, phone: true });
  await other.page.welcome.waitFor();
  yield { name: 'newcomer', page: other.page };
}
