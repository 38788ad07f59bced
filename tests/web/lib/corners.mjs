/**
 * Stops at what is easily drawn badly: `for await (const { name, page } of corners(…))`. Long code and words, names from
 * the other direction, much that is unread, a row that is edited, and what a newcomer sees.
 */
import { club, newcomer } from './world.mjs';

const PROSE = 'A measure of about seventy-five characters is easy on the eyes: they find the beginning of the next line without looking for it. ';
const CODE = `\`\`\`js\nconst question = "${'why is this line so long that nothing can show it, '.repeat(4)}";\nanswer(question);\n\`\`\``;
const HEBREW = { name: 'דנה לוי', channel: 'אקלים', topic: 'על מזג האוויר ועל מה שלובשים' };

export async function* corners(stage, options) {
  const { group, groupId, channelId: general, invite, owner, people: [ada] } = await club('Ada');
  await owner.ok('group:update', { groupId, name: 'Typography Guild' });
  await owner.ok('channel:update', { channelId: general, topic: 'Glyphs, grids and why the g is cut off' });
  await owner.ok('member:update', { groupId, userId: owner.id, nickname: HEBREW.name });
  const engineering = await owner.ok('channel:create', { groupId, name: 'engineering-jpqgy' });
  const climate = await owner.ok('channel:create', { groupId, name: HEBREW.channel, topic: HEBREW.topic });

  await owner.say(general, PROSE.repeat(3));
  const code = await ada.say(general, `Who wrote this?\n\n${CODE}`);
  const word = await owner.say(general, `${'x'.repeat(160)} and https://example.org/${'a-path-that-goes-on/'.repeat(8)}`);
  for (const { id } of [code, word]) await owner.ok('pin:add', { channelId: general, messageId: id });
  for (let line = 1; line <= 12; line += 1) await owner.say(general, `Specimen ${line}: jumpy quick foxes gag.`);
  const read = await ada.say(general, 'I have read all of it.');
  for (let line = 1; line <= 38; line += 1) await owner.say(general, line % 5 ? `Proof ${line}` : `Proof ${line}\n\n${CODE}`);
  const rewind = () => ada.ok('channel:read', { channelId: general, messageId: read.id });
  await rewind();
  await ada.say(climate.id, 'שלום לכולם');
  await owner.say(climate.id, 'A sentence from the other side.');
  await owner.say(engineering.id, 'gypsy jackpot query');

  const { page } = await stage.signedIn(ada, options);
  const at = (name) => ({ name, page });
  await page.showLists();
  await page.open('Typography Guild');
  await page.unreadBar.waitFor();
  yield at('unread-bar');
  await page.button('chat_pins').click();
  await page.role('button', 'chat_pins_jump').first().waitFor();
  yield at('pins-long-code');
  await page.closes(page.tab.getByRole('dialog', { name: page.t('chat_pins') }));
  await page.role('button', 'channels_mark_read').click();
  await page.tab.goto(`/c/${general}/${code.id}`);
  await page.seesPart('Who wrote this?');
  await page.tab.mouse.move(0, 0);
  yield at('long-rows');

  await page.tab.goto(`/c/${engineering.id}`);
  await page.isAt('engineering-jpqgy');
  await page.say('I will look at the descenders.');
  await page.sees('I will look at the descenders.');
  await page.composer.press('ArrowUp');
  await page.isEditing();
  yield at('editing');
  await page.tab.keyboard.press('Escape');
  await page.composer.fill('x'.repeat(4012));
  await page.composer.press('Enter');
  await page.main.getByText(page.t('chat_over_limit')).waitFor();
  yield at('too-long');
  await page.composer.fill('');
  await page.tab.goto(`/c/${climate.id}`);
  await page.isAt(HEBREW.channel);
  await owner.ok('typing:start', { channelId: climate.id });
  await page.main.getByText(page.t('chat_typing')).waitFor();
  yield at('other-direction');

  const nia = await newcomer('Nia Sørensen');
  await nia.ok('invite:accept', { code: invite.code });
  const first = await stage.signedIn(nia, options);
  await first.page.welcome.waitFor();
  yield { name: 'newcomer', page: first.page };
  await first.page.showLists();
  await first.page.open('Typography Guild');
  await first.page.welcome.waitFor();
  yield { name: 'newcomer-busy', page: first.page };
}
