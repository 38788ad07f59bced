/** Reading back does not move what is being read, and a flood of messages is survived. */
import assert from 'node:assert/strict';
import { scene } from '../lib/stage.mjs';
import { club } from '../lib/world.mjs';

scene('older messages come in above without moving the row that is being read', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  for (let number = 1; number <= 220; number += 1) {
    await owner.say(channelId, number % 7 === 0 ? `entry ${number}\n\`\`\`js\nconst a = ${number};\nconst b = a;\n\`\`\`` : `entry ${number}`);
  }
  await ada.ok('channel:read', { channelId, messageId: ada.seen('message:created').at(-1).id });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.isInView('entry 220');
  for (let round = 0; round < 2; round += 1) {
    const shift = await page.shiftWhileOlderLoads();
    assert.ok(Math.abs(shift) <= 1, `the row moved by ${shift} px`);
  }
});

scene('the line above the first unread message stays until the channel is left', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  const messages = [];
  for (let number = 1; number <= 9; number += 1) messages.push(await owner.say(channelId, `entry ${number}`));
  await ada.ok('channel:read', { channelId, messageId: messages[6].id });
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await page.sees('entry 9');
  const line = page.timeline.getByText(page.t('chat_new'));
  await line.waitFor();
  await page.openChannel('general');
  assert.deepEqual(await page.lines(/^New$|entry [78]/gm), ['entry 7', 'New', 'entry 8']);
  await page.openGroup('VibeTalk');
  await page.openGroup(group.name);
  await page.sees('entry 9');
  await line.waitFor({ state: 'detached' });
});

const BURST = 100;

scene('a hundred messages in a second arrive, in order', async (stage) => {
  const { group, channelId, owner, people: [ada] } = await club('Ada');
  const { page } = await stage.signedIn(ada);
  await page.open(group.name);
  await owner.say(channelId, 'calm');
  await page.sees('calm');
  const longest = await page.watchLongTasks();
  const startedAt = performance.now();
  const sent = [];
  for (let number = 1; number <= BURST; number += 1) {
    const due = startedAt + number * 10;
    while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, 1));
    sent.push(owner.say(channelId, `flood ${number}`));
  }
  await Promise.all(sent);
  await page.sees(`flood ${BURST}`);
  assert.deepEqual(await page.lines(/flood \d+/g), Array.from({ length: BURST }, (_, index) => `flood ${index + 1}`));
  const { count, longestMs } = await longest();
  console.log(`a burst of ${BURST} messages/s: ${count} long tasks, the longest ${Math.round(longestMs)} ms`);
});
