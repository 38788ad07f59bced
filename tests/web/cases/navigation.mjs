/** Addresses lead to what they name, before and after signing in; back and forward go where one was. */
import assert from 'node:assert/strict';
import { scene } from '../lib/stage.mjs';
import { club } from '../lib/world.mjs';

scene('a link to a message shows it among older ones, also to who has to sign in first', async (stage) => {
  const { channelId, owner, people: [ada] } = await club('Ada');
  const messages = [];
  for (let number = 1; number <= 120; number += 1) messages.push(await owner.say(channelId, `entry ${number}`));
  const { page } = await stage.signedIn(ada, { path: `/c/${channelId}/${messages[19].id}` });
  await page.sees('entry 20');
  await page.isInView('entry 20');
  assert.deepEqual(await page.lines(/\bentry 120\b/g), [], 'the newest are not loaded');
  await page.jumpToPresent();
  await page.isInView('entry 120');
});

scene('back and forward lead through the channels, and a reload stays', async (stage) => {
  const { group, groupId, channelId, owner, people: [ada] } = await club('Ada');
  const other = await owner.ok('channel:create', { groupId, name: 'side-room' });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.openChannel('side-room');
  assert.equal(new URL(page.tab.url()).pathname, `/c/${other.id}`);
  await page.tab.goBack();
  await page.isAt('general');
  assert.equal(new URL(page.tab.url()).pathname, `/c/${channelId}`);
  await page.tab.goForward();
  await page.isAt('side-room');
  await page.tab.reload();
  await page.isAt('side-room');
});

scene('a link to a channel that one may not see says so', async (stage) => {
  const [{ channelId }, { people: [ada] }] = [await club(), await club('Ada')];
  const { page } = await stage.signedIn(ada, { path: `/c/${channelId}` });
  await page.says('failure_channel_not_found');
  assert.equal(await page.group('Club').count(), 1, 'only their own');
});
