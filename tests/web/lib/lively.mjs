/** A group with some days of life in it, as `reader` finds it: for pictures, and for looking at every view. */
import { newcomer, resident } from './world.mjs';
import { promote } from '../../js/lib/suite.mjs';

/** Answers who reads it and where everything is. */
export async function lively() {
  const names = ['Maya Lindqvist', 'Jonas Weber', 'Priya Nair', 'Tomás Herrera', 'Aiko Tanaka', 'Samuel Okoro', 'Leila Haddad', 'Ben Carter', 'Noor Rahman', 'Elif Kaya', 'Hugo Martin', 'Sofia Rossi'];
  const people = [];
  for (const name of names) people.push(await resident(name));
  const [reader, jonas, priya, tomas, aiko, samuel, leila, ben] = people;

  const group = await jonas.ok('group:create', { name: 'Northlight Studio' });
  const groupId = group.id;
  const invite = await jonas.ok('invite:create', { groupId });
  for (const person of people) if (person !== jonas) await person.ok('invite:accept', { code: invite.code });
  await promote(jonas, groupId, reader, 'admin');
  await promote(jonas, groupId, priya, 'moderator');
  const general = group.channels[0].id;
  const channel = (name, more = {}) => jonas.ok('channel:create', { groupId, name, ...more });
  const news = await channel('announcements', { type: 'announcement', topic: 'What everybody should know' });
  const engineering = await channel('engineering', { topic: 'Builds, reviews and the occasional duck' });
  const design = await channel('design');
  const random = await channel('random', { slowModeSeconds: 5 });
  await jonas.ok('channel:update', { channelId: general, topic: 'Everything about the autumn release' });
  for (const name of ['Trail Runners', 'Film Club']) await reader.ok('group:create', { name });

  await jonas.say(news.id, '**Autumn release is on Thursday.** Please have your notes ready by Wednesday noon. @everyone');
  await aiko.say(design.id, 'New empty states are ready for review');
  await ben.say(random.id, 'Who took the blue mug?');
  await samuel.say(engineering.id, 'CI is down to 4 minutes 🎉');

  const say = (who, content, more) => who.say(general, content, more);
  await say(jonas, 'Good morning! Two days to go. What is still open?');
  await say(priya, 'Release notes are drafted, I only need the list of fixed bugs');
  const latency = await say(tomas, 'Latency looks good. p99 of a send is **11 ms** on the small machine');
  await say(tomas, 'That was 38 ms in September, so the batching paid off');
  const asks = await say(aiko, 'Could somebody look at the *dark* theme on a phone? I think the unread line is too faint.');
  await say(reader, 'I can, give me ten minutes', { replyToId: asks.id });
  await say(samuel, 'While you are there, this is how I reproduce the flicker:\n\n```js\nconst socket = io(url, { auth: { token } });\nsocket.on("ready", ({ groups }) => {\n  render(groups); // twice, if the cache was warm\n});\n```');
  await say(tomas, 'And this is the order in which they come:\n\n```js\nsocket.on("connect", () => log("connect"));\n```');
  const plan = await say(jonas, `Plan for today:\n\n- <@${priya.id}> finishes the notes\n- <@${reader.id}> and <@${aiko.id}> check the themes\n- I write the announcement`);
  await say(leila, 'I will bring cake on Thursday 🍰');
  await say(reader, 'Found it: the line used the border colour. Fixed in `theme.css`, and the contrast is 4.8:1 now');
  const cake = await say(ben, 'Did somebody say cake?');
  const lastRead = await say(priya, 'Fantastic, thank you!');
  await say(tomas, `<@${reader.id}> could you review the numbers before they go into the notes? https://example.org/benchmarks`);
  await say(samuel, 'The flicker is gone here, too', { replyToId: latency.id });
  await say(leila, 'And the screenshots look lovely');

  const react = (who, message, emoji) => who.ok('reaction:add', { channelId: general, messageId: message.id, emoji });
  for (const who of [jonas, priya, reader, aiko]) await react(who, latency, '🚀');
  for (const who of [priya, samuel]) await react(who, latency, '👏');
  for (const who of [ben, reader, tomas, leila, aiko]) await react(who, cake, '🍰');
  for (const who of [priya, aiko]) await react(who, plan, '👍');
  await jonas.ok('pin:add', { channelId: general, messageId: plan.id });
  /** As it was before the reader looked. */
  const rewind = () => reader.ok('channel:read', { channelId: general, messageId: lastRead.id });
  await rewind();
  await reader.ok('channel:read', { channelId: engineering.id, messageId: (await samuel.say(engineering.id, 'Reviews are done')).id });

  const direct = await aiko.ok('direct:open', { userIds: [reader.id] });
  await aiko.say(direct.id, 'Hi Maya, do you have a moment for the new icons?');
  await reader.say(direct.id, 'Sure! Send them over');
  await aiko.say(direct.id, 'They are in the design channel, second page. I am not sure about the bell.');
  await reader.say(direct.id, 'The bell is fine, I would make the stroke a little lighter ✨');
  const trio = await jonas.ok('direct:open', { userIds: [reader.id, priya.id] });
  await jonas.say(trio.id, 'Lunch at one?');
  await leila.ok('presence:update', { status: 'dnd', text: 'Baking' });
  await tomas.ok('presence:update', { status: 'idle', text: '' });
  await priya.ok('presence:update', { status: 'online', text: 'Writing release notes' });
  for (const person of people.slice(9)) person.close();
  return { reader, rewind, newcomer: await newcomer('Nia Sørensen'), people, group, invite, general, engineering, direct, names: { group: group.name, direct: 'Aiko Tanaka', member: 'Priya Nair', owner: 'Jonas Weber' } };
}
