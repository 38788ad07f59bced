/** People are found by any word of their names, wherever they are looked for; who types little is asked for more. */
import assert from 'node:assert/strict';
import { scene } from '../lib/stage.mjs';
import { club, resident } from '../lib/world.mjs';

scene('people are found by any word of their name, and a letter that fits nobody asks for more', async (stage) => {
  const { group, groupId, invite, people: [ada] } = await club('Ada');
  const zorn = await resident('\u00C9mile Stra\u00DFe Zorn');
  await zorn.ok('invite:accept', { code: invite.code });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.member('Zorn').waitFor();
  const { displayName } = zorn.person;
  const QUERIES = ['zor', 'STRASSE', 'e\u0301mile s', zorn.person.username.slice(0, 10)];

  for (const query of QUERIES) {
    await page.findMember('');
    await page.member('Olga').waitFor();
    await page.findMember(query);
    await page.member('Olga').waitFor({ state: 'detached' });
    await page.member(displayName).waitFor();
  }
  await page.findMember('\u0416');
  await page.members.getByText(page.t('people_type_more')).waitFor();
  await page.findMember('\u0416\u0416');
  await page.members.getByText(page.t('people_none')).waitFor();
  await page.findMember('');

  // Nobody has written here: members come from the server. Without spaces, which end a mention.
  for (const query of ['zor', 'STRASSE', zorn.person.username.slice(0, 10)]) {
    await page.composer.fill('');
    await page.composer.pressSequentially(`@${query}`);
    await page.option(displayName).waitFor();
  }
  await page.composer.press('Enter');
  await page.composer.press('Enter');
  await page.seesPart(`@${displayName}`);
  await page.composer.pressSequentially('@\u0416');
  await page.option('').waitFor({ state: 'detached' });
  await page.composer.fill('');

  for (const query of QUERIES) {
    await page.findAnything(query);
    await page.option(displayName).waitFor();
  }
  await page.findAnything('\u0416');
  await page.dialog.getByText(page.t('people_type_more')).waitFor();
  await page.findAnything('\u0416\u0416');
  await page.dialog.getByText(page.t('switcher_none')).waitFor();
  await page.closes(page.dialog);

  await page.startDirect();
  const field = page.dialog.getByRole('searchbox', { name: page.t('people_search') });
  for (const query of QUERIES) {
    await field.fill(query);
    await page.dialog.getByRole('checkbox', { name: new RegExp(displayName) }).waitFor();
  }
  await field.fill('\u0416');
  await page.dialog.getByText(page.t('people_type_more')).first().waitFor();
  await field.fill('\u0416\u0416');
  await page.dialog.getByText(page.t('people_none')).first().waitFor();
  await zorn.ok('group:leave', { groupId });
});

scene('when more people fit than are shown, the list of suggestions asks for more of the name', async (stage) => {
  const { group, invite, people: [ada] } = await club('Ada');
  for (let count = 0; count < 9; count += 1) await (await resident(`Kim Quist ${count}`)).ok('invite:accept', { code: invite.code });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.composer.pressSequentially('@qui');
  await page.option('Kim Quist 0').waitFor();
  const more = page.main.getByText(page.t('people_type_more'));
  await more.waitFor();
  await page.composer.pressSequentially('x');
  await more.waitFor({ state: 'detached' });
});

scene('Enter chooses nothing from a list that has not come yet', async (stage) => {
  const { group, people: [ada] } = await club('Ada', 'Mira');
  let arrives;
  const later = new Promise((resolve) => { arrives = resolve; });
  const slowly = async (route) => {
    await later;
    await route.continue();
  };
  const { page } = await stage.signedIn(ada, { prepare: (context) => context.route(/\/assets\/soon-[^/]*\.js$/, slowly) });
  await page.open(group.name);
  await page.composer.pressSequentially('@mir');
  await page.composer.press('Enter');
  await page.message('@mir').waitFor();
  await page.composer.pressSequentially('@mir');
  arrives();
  await page.option('Mira').waitFor();
  await page.composer.press('Enter');
  assert.match(await page.composer.inputValue(), /^@Mira/);
});
