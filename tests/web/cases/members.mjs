/**
 * A list of ten thousand members scrolls: few rows are in the page, and the last member is reached. The members are made
 * up on the wire, in answers to `member:list`: registering them would take half an hour of password hashes.
 */
import assert from 'node:assert/strict';
import { scene } from '../lib/stage.mjs';
import { club } from '../lib/world.mjs';
import { inventMembers } from '../lib/crowd.mjs';

const MEMBERS = 10_000;
const SCROLL_MS = 60_000;

scene('the member list scrolls through 10,000 people', async (stage) => {
  const { group, groupId, people: [ada] } = await club('Ada');
  const { page } = await stage.signedIn(ada, { prepare: (context) => inventMembers(context, groupId, MEMBERS) });
  await page.open(group.name);
  await page.member('Member 00000').waitFor();
  const longest = await page.watchLongTasks();
  await page.scrollMembersTo(`Member ${String(MEMBERS - 1).padStart(5, '0')}`, SCROLL_MS);
  assert.ok(await page.members.getByRole('listitem').count() < 200, 'only those in view are in the page');
  const { count, longestMs } = await longest();
  console.log(`scrolling ${MEMBERS} members: ${count} long tasks, the longest ${Math.round(longestMs)} ms`);
});
