/**
 * Twenty clients of all versions and transports write, edit, react and delete while their connections are cut again and
 * again. Each keeps its own history from pushes and session:sync alone. In the end all histories are the server's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cut } from './lib/client.mjs';
import { makeGroup, suite } from './lib/suite.mjs';
import { random, until } from './lib/wait.mjs';

const vt = await suite();
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const CLIENTS = 20;
const STEPS = 40;

/** What an application would keep of one channel: messages by id, and the ids that are gone. */
class History {
  messages = new Map();
  gone = new Set();
  newest = '0';
  /** The newest message before the gap: pushes that come after a reconnect must not move it. */
  cursor = '0';
  gaps = 0;
  synced = true;

  constructor(client, channelId) {
    Object.assign(this, { client, channelId, since: client.ready.serverTime });
    const on = (name, take) => client.socket.on(name, (payload) => { if (payload.channelId === channelId) take(payload); });
    on('message:created', (message) => this.put(message));
    on('message:updated', (message) => this.put(message));
    on('message:deleted', ({ messageId }) => this.drop(messageId));
    on('reaction:added', (reaction) => this.react(reaction, true));
    on('reaction:removed', (reaction) => this.react(reaction, false));
    for (const event of ['ready', 'disconnect']) client.socket.on(event, () => this.lose());
  }

  lose() {
    if (this.synced) this.cursor = this.newest;
    this.synced = false;
    this.gaps += 1;
  }

  put(message) {
    if (BigInt(message.id) > BigInt(this.newest)) this.newest = message.id;
    if (this.gone.has(message.id)) return;
    // An answer may be older than a push that overtook it.
    const known = this.messages.get(message.id);
    if ((known?.editedAt ?? '') <= (message.editedAt ?? '')) this.messages.set(message.id, message);
  }

  drop(id) {
    this.gone.add(id);
    this.messages.delete(id);
  }

  react({ messageId, emoji, userId }, added) {
    const message = this.messages.get(messageId);
    if (!message) return;
    message.reactors ??= {};
    const people = (message.reactors[emoji] ??= new Set());
    if (added) people.add(userId);
    else people.delete(userId);
  }

  /** Fills the gap after a reconnect, as the contract says a client does. */
  async sync() {
    const { channelId, client, cursor, gaps } = this;
    const { serverTime, channels, changed } = await client.ok('session:sync', { channels: { [channelId]: cursor }, since: this.since });
    if (!channels[channelId].complete) return this.reload(serverTime, gaps);
    channels[channelId].messages.forEach((message) => this.put(message));
    for (const { messageId, kind } of changed) if (kind === 'deleted') this.drop(messageId);
    await this.refresh(new Set(changed.map(({ messageId }) => messageId).filter((id) => !this.gone.has(id))));
    this.finish(serverTime, gaps);
  }

  /** Gets these messages as they are now: a few one by one, many with their pages. */
  async refresh(ids) {
    if (ids.size <= 5) return Promise.all([...ids].map((id) => this.fetch(id)));
    const found = (await everything(this.client, this.channelId)).filter(({ id }) => ids.delete(id));
    found.forEach((message) => this.put(message));
    ids.forEach((id) => this.drop(id));
  }

  /** In sync, unless another gap opened meanwhile. */
  finish(since, gaps) {
    if (gaps === this.gaps) Object.assign(this, { since, synced: true });
  }

  async fetch(messageId) {
    const { body, status } = await vt.http('GET', `/api/v1/channels/${this.channelId}/messages/${messageId}`, { token: this.client.token });
    if (status === 200) this.put(body);
    else this.drop(messageId);
  }

  async reload(serverTime, gaps) {
    this.messages.clear();
    for (const message of await everything(this.client, this.channelId)) this.put(message);
    this.finish(serverTime, gaps);
  }

  /** What everybody has to agree on. */
  view() {
    return [...this.messages.values()].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1)).map(({ id, content, author }) => `${id} ${author.id} ${content}`);
  }
}

async function everything(client, channelId) {
  const found = [];
  let before;
  for (;;) {
    const { messages, hasMore } = await client.ok('message:list', { channelId, before, limit: 100 });
    found.push(...messages);
    if (!hasMore) return found;
    before = messages.at(-1).id;
  }
}

/** One random deed; what a cut interrupted is repeated with its nonce (a create) or left (the rest). */
async function step(history, dice, name) {
  const { client, channelId } = history;
  const own = [...history.messages.values()].filter(({ author }) => author.id === client.id);
  const messageId = own.length ? dice.pick(own).id : undefined;
  const deed = dice.below(10);
  if (deed < 5 || !messageId) return client.request('message:create', { channelId, content: name, nonce: name });
  if (deed < 7) return client.request('message:update', { channelId, messageId, content: `${name} edited` });
  if (deed < 8) return client.request('message:delete', { channelId, messageId });
  if (deed < 9) return client.request('reaction:add', { channelId, messageId, emoji: '👍' });
  return client.cut();
}

async function live(history, dice, index) {
  const { client } = history;
  for (let number = 0; number < STEPS; number += 1) {
    const attempt = async () => {
      await until(() => client.connected, 20_000, 'it does not come back');
      if (!history.synced) await history.sync();
      await step(history, dice, `${index}.${number}`);
    };
    await attempt().catch((cause) => { if (!(cause instanceof Cut)) throw cause; });
  }
}

/** Comes to rest: connected, in sync, and no further gap opened meanwhile. */
async function settle(history) {
  await until(() => history.client.connected, 20_000, 'it does not come back');
  await until(async () => {
    if (history.synced) return true;
    await history.sync().catch((cause) => { if (!(cause instanceof Cut)) throw cause; });
    return false;
  }, 20_000, 'never in sync');
}

test(`${CLIENTS} clients with churn agree in the end (SEED=${SEED})`, async () => {
  const dice = random(SEED);
  const people = await vt.people(5);
  const { channelId } = await makeGroup(...people);
  const histories = [];
  for (let index = 0; index < CLIENTS; index += 1) {
    const options = { version: ['v4', 'v3', 'v2'][index % 3], transport: ['websocket', 'polling', 'upgrade'][Math.floor(index / 3) % 3], reconnect: true };
    histories.push(new History(await vt.connect(people[index % 5].person, options), channelId));
  }
  await Promise.all(histories.map((history, index) => live(history, dice, index)));
  await Promise.all(histories.map(settle));
  await people[0].say(channelId, 'the end');
  const ends = (history) => [...history.messages.values()].some(({ content }) => content === 'the end');
  await until(() => histories.every(ends), 20_000, 'the last message is missing somewhere');
  const truth = (await everything(people[0], channelId)).reverse().map(({ id, content, author }) => `${id} ${author.id} ${content}`);
  assert.ok(truth.length > 50, `only ${truth.length} messages`);
  histories.forEach((history, index) => assert.deepEqual(history.view(), truth, `client ${index} (${history.client.version})`));
});
