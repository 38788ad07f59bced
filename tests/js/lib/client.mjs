/**
 * One connection of the real socket.io-client, in any of the three versions and over any transport.
 * It records every push, holds all that arrives against the contract, and notices an ack that comes twice
 * (which the official client hides). It never reconnects unless asked to.
 */
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { deadline } from './wait.mjs';
import { ackProblems, pushProblems } from './contract.mjs';
import { remember } from './secrets.mjs';
import { sharedStore } from './server.mjs';

const require = createRequire(import.meta.url);
const v2 = require('socket.io-client-v2');
const v3 = require('socket.io-client-v3');
const v4 = require('socket.io-client-v4');
export const versions = { v2, v3: v3.io ?? v3, v4: v4.io };
export const transportsByName = { websocket: ['websocket'], polling: ['polling'], upgrade: ['polling', 'websocket'] };

/** Generous, for machines with more to do: only a test that fails waits for so long. */
export const WAIT_MS = 20_000;
/** For the acks of many requests that were sent at once. */
export const BURST_MS = sharedStore ? 180_000 : 60_000;

/** Thrown by a request whose connection ended before its ack. */
export class Cut extends Error {}

/** Opens a socket and answers at once, before the connection is up. `url` may be that of a proxy. */
export function open(url, token, { version = 'v4', transport = 'websocket', reconnect = false, ...more } = {}) {
  const socket = versions[version](url, {
    transports: transportsByName[transport], forceNew: true, reconnection: reconnect,
    reconnectionDelay: 50, reconnectionDelayMax: 400, timeout: WAIT_MS,
    ...(version === 'v2' ? { query: { token } } : { auth: { token } }), ...more,
  });
  return new Client(socket, version);
}

/** Opens a socket and waits for `ready`, which is then `client.ready`. */
export async function connect(url, token, options) {
  const client = open(url, token, options);
  try {
    await client.isReady();
  } catch (cause) {
    client.socket.close();
    throw cause;
  }
  return client;
}

/** Opens a socket that is expected to be turned away, and answers the message of its connect_error. */
export async function refusal(url, token, options = {}) {
  const client = open(url, token, options);
  const refused = new Promise((resolve, reject) => {
    client.socket.once('connect_error', (cause) => resolve(cause.message));
    // v2 knows a refused namespace as `error`, with whatever the server sent.
    client.socket.once('error', (cause) => resolve(cause.message ?? cause));
    client.socket.once('ready', () => reject(new Error('the connection was accepted')));
  });
  return deadline(refused, WAIT_MS, 'neither refused nor accepted').finally(() => client.socket.close());
}

class Client {
  /** Every push in its order: `{ name, payload, taken }`. */
  log = [];
  problems = [];
  disconnects = [];
  #waiting = [];
  #pending = new Set();
  #announced = new Set();
  #acked = new Set();

  constructor(socket, version) {
    Object.assign(this, { socket, version });
    const { onevent, onack } = socket;
    socket.onevent = (packet) => { this.#onPush(packet); onevent.call(socket, packet); };
    socket.onack = (packet) => { this.#onAck(packet); onack.call(socket, packet); };
    socket.on('connect', () => this.#announced.clear());
    socket.on('disconnect', (reason) => this.#onDisconnect(reason));
    // Without a listener, v2's emitter would throw.
    socket.on('error', () => {});
  }

  get connected() {
    return this.socket.connected;
  }

  get engine() {
    return this.socket.io.engine;
  }

  get transport() {
    return this.engine.transport.name;
  }

  /** It was connected, and will not be again. */
  get #isOver() {
    return this.disconnects.length > 0 && !this.connected && !this.socket.io.reconnection();
  }

  /** Waits for a `ready` that nobody has taken yet: once per connection. */
  async isReady(timeoutMs = WAIT_MS) {
    const failed = new Promise((_, reject) => {
      if (this.socket.io.reconnection()) return;
      this.socket.once('connect_error', (cause) => reject(new Error(`connect_error: ${cause.message ?? cause}`)));
      this.socket.once('error', (cause) => reject(new Error(`error: ${cause.message ?? cause}`)));
    });
    failed.catch(() => {});
    this.ready = await Promise.race([this.next('ready', undefined, timeoutMs), failed]);
    return this.ready;
  }

  /** The next push of this name that fits and that no earlier `next` was given, whether it came already or not. */
  async next(name, fits = () => true, timeoutMs = WAIT_MS) {
    const old = this.log.find((push) => !push.taken && push.name === name && fits(push.payload));
    if (old) {
      old.taken = true;
      return this.#checked(old.payload);
    }
    let waiter;
    const arrival = new Promise((resolve) => this.#waiting.push(waiter = { name, fits, resolve }));
    const payload = await deadline(arrival, timeoutMs, `no ${name} that fits`).catch((cause) => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      const got = this.log.slice(-5).map((push) => `${push.name} ${JSON.stringify(push.payload).slice(0, 300)}`);
      throw new Error(`${cause.message}; the last pushes: ${got.join('; ') || 'none'}`);
    });
    return this.#checked(payload);
  }

  /** Every push of this name so far. */
  seen(name, fits = () => true) {
    return this.log.filter((push) => push.name === name && fits(push.payload)).map((push) => push.payload);
  }

  forget() {
    this.log = [];
  }

  /** The ack of one request with any arguments: exactly one, of the contract's form. */
  async ask(event, args, timeoutMs = WAIT_MS) {
    if (this.#isOver) throw new Cut(`${event}: there is no connection any more (${this.disconnects.at(-1)})`);
    remember(args[0]?.content, args[0]?.text, args[0]?.topic, this.engine?.id);
    let pending;
    const answered = new Promise((resolve, reject) => {
      pending = { reject, event };
      this.#pending.add(pending);
      this.socket.emit(event, ...args, (...answers) => resolve(answers));
    });
    const answers = await deadline(answered, timeoutMs, `no ack of ${event}`).finally(() => this.#pending.delete(pending));
    assert.equal(answers.length, 1, `the ack of ${event} has ${answers.length} arguments`);
    const problems = ackProblems(event, answers[0]);
    assert.deepEqual(problems, [], `the ack of ${event} breaks the contract`);
    return this.#checked(answers[0]);
  }

  request(event, payload, timeoutMs) {
    return this.ask(event, [payload], timeoutMs);
  }

  /** The data of a request that has to succeed. */
  async ok(event, payload, timeoutMs) {
    const answer = await this.request(event, payload, timeoutMs);
    assert.ok(answer.ok, `${event} ${JSON.stringify(payload)?.slice(0, 300)}: ${JSON.stringify(answer.error)}`);
    return answer.data;
  }

  /** The error of a request that has to be refused with this code (or one of these). */
  async refused(event, payload, code, timeoutMs) {
    const answer = await this.request(event, payload, timeoutMs);
    const what = `${event} ${JSON.stringify(payload)?.slice(0, 300)}`;
    assert.equal(answer.ok, false, `${what} was not refused: ${JSON.stringify(answer.data)?.slice(0, 300)}`);
    assert.ok([code].flat().includes(answer.error.code), `${what}: ${answer.error.code} instead of ${code} (${answer.error.message})`);
    return answer.error;
  }

  /** Sends text and answers the stored message. */
  say(channelId, content, more = {}) {
    return this.ok('message:create', { channelId, content, ...more });
  }

  /** Ends the transport without a goodbye of Socket.IO, as a lost network does; with `reconnect` the client comes back. */
  cut() {
    const { transport } = this.engine;
    if (transport.name === 'websocket' && transport.ws?.terminate) transport.ws.terminate();
    else this.engine.close();
  }

  /** Waits for the end of the connection and answers its reason. */
  async ended(timeoutMs = WAIT_MS) {
    if (this.disconnects.length) return this.disconnects.at(-1);
    const end = new Promise((resolve) => this.socket.once('disconnect', resolve));
    return deadline(end, timeoutMs, 'still connected');
  }

  close() {
    this.socket.close();
  }

  /** Fails if anything that arrived since the last call broke the contract: each problem fails one test. */
  verify() {
    assert.deepEqual(this.problems.splice(0), [], 'what this client received breaks the contract');
  }

  #checked(value) {
    this.verify();
    return value;
  }

  #onPush({ data: [name, payload, ...extra], id }) {
    this.problems.push(...pushProblems(name, payload, extra));
    if (id !== undefined) this.problems.push(`${name} asks for an ack`);
    if (name === 'message:created') {
      if (this.#announced.has(payload.id)) this.problems.push(`message ${payload.id} was announced twice`);
      this.#announced.add(payload.id);
    }
    const waiter = this.#waiting.find((other) => other.name === name && other.fits(payload));
    this.log.push({ name, payload, taken: waiter !== undefined });
    if (!waiter) return;
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
    waiter.resolve(payload);
  }

  #onAck({ id }) {
    if (this.#acked.has(id)) this.problems.push(`packet ${id} was acked twice`);
    this.#acked.add(id);
  }

  #onDisconnect(reason) {
    this.disconnects.push(reason);
    this.#pending.forEach(({ reject, event }) => reject(new Cut(`${event}: the connection ended (${reason})`)));
    this.#pending.clear();
  }
}
