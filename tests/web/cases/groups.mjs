/** Groups: joining by a link, what a member may not do, and being removed while one looks. */
import assert from 'node:assert/strict';
import { scene } from '../lib/stage.mjs';
import { club } from '../lib/world.mjs';

scene('a stranger follows an invite link, signs up, and is in the group', async (stage) => {
  const { group, owner, channelId, invite } = await club();
  await owner.say(channelId, 'welcome, whoever comes');
  const { page } = await stage.person('Nia', { path: `/i/${invite.code}` });
  await page.acceptInvite(group.name);
  await page.isAt('general');
  await page.sees('welcome, whoever comes');
});

scene('an owner makes a group and an invite, and somebody joins by it', async (stage) => {
  const [olga, ben] = await stage.people(['Olga', 'Ben']);
  await olga.page.createGroup('Gardeners');
  const link = await olga.page.createInvite('Gardeners');
  assert.ok(link.startsWith(`${olga.origin}/i/`), link);
  await ben.page.joinBy(link, 'Gardeners');
  await ben.page.openGroup('Gardeners');
  await ben.page.openChannel('general');
  await olga.page.openChannel('general');
  await ben.page.say('What grows in November?');
  await olga.page.sees('What grows in November?');
  await olga.page.member('Ben').waitFor();
});

scene('a member is shown only what a member may do, an owner everything', async (stage) => {
  const { group, channelId, owner, people: [ada, bob] } = await club('Ada', 'Bob');
  await bob.say(channelId, 'a remark of Bob');
  const [boss, member] = await Promise.all([stage.signedIn(owner), stage.signedIn(ada)]);
  const seen = {};
  for (const [who, { page }] of Object.entries({ boss, member })) {
    await page.open(group.name);
    await page.sees('a remark of Bob');
    const may = {};
    may.createChannel = await page.offers(await page.openGroupMenu(group.name), 'channels_create');
    await page.closes(page.tab.getByRole('menu'));
    const menu = await page.menuOf('a remark of Bob');
    may.edit = await page.offers(menu, 'chat_action_edit');
    may.remove = await page.offers(menu, 'chat_action_delete');
    may.pin = await page.offers(menu, 'chat_action_pin');
    await page.closes(menu);
    const card = await page.openCard('Bob');
    may.ban = await page.canModerate(card, 'moderate_ban');
    await page.closes(card);
    seen[who] = may;
  }
  assert.deepEqual(seen.member, { createChannel: false, edit: false, remove: false, pin: false, ban: false });
  assert.deepEqual(seen.boss, { createChannel: true, edit: false, remove: true, pin: true, ban: true });
});

scene('somebody is removed from the group that they are looking at', async (stage) => {
  const { group, groupId, owner, people: [ada] } = await club('Ada');
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.composer.fill('I was about to say');
  await owner.ok('member:remove', { groupId, userId: ada.id });
  await page.group(group.name).waitFor({ state: 'detached' });
  await page.says('groups_notice_group_gone');
  await page.open('VibeTalk');
  await page.say('anyway');
  await page.sees('anyway');
});

scene('an owner removes somebody through their card', async (stage) => {
  const { group, owner, people: [ada] } = await club('Ada');
  const [boss, member] = await Promise.all([stage.signedIn(owner), stage.signedIn(ada)]);
  for (const { page } of [boss, member]) {
    await page.open(group.name);
  }
  const card = await boss.page.openCard('Ada');
  await boss.page.moderate(card, 'moderate_remove');
  await member.page.group(group.name).waitFor({ state: 'detached' });
  await boss.page.member('Ada').waitFor({ state: 'detached' });
});

scene('a direct conversation begins at a card and reaches the other', async (stage) => {
  const { group, people: [ada, bob] } = await club('Ada', 'Bob');
  const [a, b] = await Promise.all([stage.signedIn(ada), stage.signedIn(bob)]);
  await a.page.open(group.name);
  const card = await a.page.openCard('Bob');
  await card.getByRole('button', { name: a.page.t('profile_message') }).click();
  await a.page.isAt('Bob');
  await a.page.say('just between us');
  await b.page.openDirects();
  await b.page.openDirect('Ada');
  await b.page.sees('just between us');
});
