/**
 * What a test file shares: one server, the people on it and their connections, ended and checked when the file is done.
 * A file starts with `const vt = await suite();`.
 */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { connect, open } from './client.mjs';
import { login, register } from './people.mjs';
import { spilled } from './secrets.mjs';
import { startServer } from './server.mjs';

/** See startServer for the options. */
export async function suite(options) {
  const shared = new Suite(await startServer(options));
  after(async () => {
    endWithin(LINGER_MS);
    await shared.end().finally(exitForGood);
  });
  return shared;
}

/** How long a file may take to end after its last test: a server that is killed and a folder that is removed. */
const LINGER_MS = 60_000;

/** Leaves out the teardown of Node.js 20, which can spin for ever after sockets that were reset: everything is closed by then. */
function exitForGood() {
  process.once('exit', (code) => process.exit(process.exitCode ?? code));
}

/** Ends this process if something that was not closed keeps it alive, and says what. */
function endWithin(timeoutMs) {
  setTimeout(() => {
    console.error(`still alive ${timeoutMs} ms after the last test: ${process.getActiveResourcesInfo().join()}`);
    process.exit(1);
  }, timeoutMs).unref();
}

class Suite {
  #clients = [];
  #markers = 0;

  constructor(server) {
    this.server = server;
  }

  /** A registered person who is not connected. */
  person(prefix) {
    return register(this.server, prefix);
  }

  /** Connects a person (as a new device) and waits for `ready`. */
  async connect(person, { url = this.server.url, ...options } = {}) {
    return this.#keep(await connect(url, person.accessToken, options), person);
  }

  /** A connection that is not up yet. */
  open(person, { url = this.server.url, ...options } = {}) {
    return this.#keep(open(url, person.accessToken, options), person);
  }

  /** `count` new people, registered and connected. */
  async people(count, options) {
    const clients = [];
    for (let made = 0; made < count; made += 1) clients.push(await this.connect(await this.person(), options));
    return clients;
  }

  /** A new device with a session of its own, by logging in. */
  async device(person, options) {
    return this.connect(await login(this.server, person), options);
  }

  http(method, route, options) {
    return this.server.http(method, route, options);
  }

  /**
   * Waits until each of these clients has received whatever was published before this call: a message in the official
   * group, which all of them see, follows it through the same bus and the same fan-out.
   */
  async fence(...clients) {
    this.beacon ??= await this.connect(await this.person('beacon'));
    const { channelId } = official(this.beacon);
    const content = `fence ${(this.#markers += 1)}`;
    const message = await this.beacon.say(channelId, content);
    await Promise.all(clients.map((client) => client.next('message:created', ({ id }) => id === message.id)));
  }

  async end() {
    const { server } = this;
    this.#clients.forEach((client) => client.close());
    if (process.env.VIBETALK_TEST_LOGS) console.error(server.logs.join('\n'));
    const alive = server.alive();
    await server.stop();
    assert.ok(alive, `the server had ended by itself\n${server.tail()}`);
    assert.deepEqual(server.logs.filter((line) => /panicked at/.test(line)), [], 'something panicked');
    assert.deepEqual(spilled(server.logs), [], 'the log holds what people wrote, or what opens their door');
    this.#clients.forEach((client) => client.verify());
  }

  #keep(client, person) {
    this.#clients.push(client);
    return Object.assign(client, { person, id: person.id, token: person.accessToken });
  }
}

/** The official group as `ready` tells it: `{ group, channelId }` of its first channel. */
export function official(client) {
  const group = client.ready.groups.find((candidate) => candidate.official);
  return { group, groupId: group.id, channelId: group.channels.find(({ name }) => name === 'general').id };
}

/** A group of `owner` that the others have joined by invite: `{ group, groupId, channelId, invite }`. */
export async function makeGroup(owner, ...members) {
  const group = await owner.ok('group:create', { name: 'A group' });
  const invite = await owner.ok('invite:create', { groupId: group.id });
  for (const member of members) await member.ok('invite:accept', { code: invite.code });
  return { group, groupId: group.id, channelId: group.channels[0].id, invite };
}

/** Gives someone a role of the contract: `admin` or `moderator`; or none. */
export function promote(owner, groupId, member, ...roles) {
  return owner.ok('member:update', { groupId, userId: member.id, roles });
}

/** A well-formed id (63 bits, an hour ago) that names nothing. */
export function unusedId() {
  const milliseconds = BigInt(Date.now() - 3_600_000);
  return String((milliseconds << 21n) | BigInt(Math.floor(Math.random() * 2 ** 21)));
}
