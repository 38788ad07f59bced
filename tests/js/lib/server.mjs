/**
 * Starts the real binary on free ports with a data folder of its own, and stops, kills or restarts it.
 * It does not build the binary: VIBETALK_BIN names it, else target/debug/vibetalk is used.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deadline, until } from './wait.mjs';
import { http } from './http.mjs';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
export const binary = process.env.VIBETALK_BIN ?? path.join(repository, 'target/debug/vibetalk');

/** A CQL server, in which each of ours has a keyspace of its own; else each has a file. */
export const sharedStore = process.env.VIBETALK_TEST_STORE;

/** A debug build on two busy cores needs some seconds for migrations and key files, and a CQL server some more for tables. */
const START_MS = sharedStore ? 90_000 : 30_000;
/** Longer than the drain of a node may take by default. */
const STOP_MS = 40_000;
const LOG_LINES_MAX = 20_000;

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
process.once('SIGTERM', () => process.exit(143));

/**
 * `set`: overrides such as `{ 'limits.rates': true }`; rates are off unless a test asks for them.
 * `shell`: commands that a shell runs before it becomes the server, such as `ulimit`.
 */
export async function startServer({ set = {}, args = [], env = {}, shell } = {}) {
  if (!existsSync(binary)) throw new Error(`${binary} does not exist: build it, or set VIBETALK_BIN`);
  const dataDir = await mkdtemp(path.join(tmpdir(), 'vibetalk-test-'));
  const server = new Server(dataDir, { 'limits.rates': false, ...set }, args, env, shell);
  await server.start();
  return server;
}

/** Runs the binary to its end, for commands such as `config` or a `serve` that is expected to fail. */
export async function runBinary(args, { timeoutMs = START_MS, env = {} } = {}) {
  const child = launch(args, env);
  const lines = [];
  collect(child, (line) => lines.push(line));
  const exit = await deadline(ended(child), timeoutMs, `vibetalk ${args[0]} did not end`).catch((cause) => {
    child.kill('SIGKILL');
    throw new Error(`${cause.message}\n${lines.slice(-30).join('\n')}`);
  });
  return { ...exit, output: lines.join('\n') };
}

class Server {
  logs = [];
  port = 0;

  constructor(dataDir, set, args, env, shell) {
    Object.assign(this, { dataDir, set: { ...storeSettings(), ...set }, args, env, shell });
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The arguments that say where its data are, for other commands. */
  dataArguments() {
    return ['--data-dir', this.dataDir, ...settings(storeOf(this.set))];
  }

  /** The arguments of `serve`, with the port of the first start once it is known. */
  serveArguments() {
    const overrides = settings({ 'metrics.listen': '127.0.0.1:0', ...this.set });
    return ['serve', '--listen', `127.0.0.1:${this.port}`, '--data-dir', this.dataDir, ...overrides, ...this.args];
  }

  async start() {
    this.addresses = [];
    this.child = launch(this.serveArguments(), this.env, this.shell);
    const exit = ended(this.child);
    this.exited = exit;
    const listening = new Promise((resolve, reject) => {
      collect(this.child, (line) => this.#readLine(line, resolve));
      exit.then(({ code, signal }) => reject(new Error(`vibetalk ended with ${code ?? signal}`)));
    });
    await deadline(listening, START_MS, 'no line `listening on http://…`').catch((cause) => {
      this.child.kill('SIGKILL');
      throw new Error(`${cause.message}\n${this.tail()}`);
    });
  }

  #readLine(line, ready) {
    this.logs.push(line);
    if (this.logs.length > LOG_LINES_MAX) this.logs.shift();
    const found = /listening on (http:\/\/[^\s"/\\\u001b]+)/.exec(line);
    if (!found) return;
    this.addresses.push(found[1]);
    if (/metrics/i.test(line.replace(found[1], ''))) return;
    if (this.addresses.length > 1 && this.port) return;
    this.port = Number(new URL(found[1]).port);
    ready();
  }

  /** The address of the metrics listener: the other one that is printed. */
  metricsUrl() {
    const other = () => this.addresses.find((address) => address !== this.url);
    return until(other, 5000, `no metrics listener beside ${this.addresses}`);
  }

  /** The sum of one metric's samples whose labels are among others these: `metric('vibetalk_x_total', { reason: 'y' })`. */
  async metric(name, labels = {}) {
    const text = await (await fetch(`${await this.metricsUrl()}/metrics`)).text();
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const samples = text.split('\n').filter((line) => /^[^#{ ]+/.exec(line)?.[0] === name && wanted.every((label) => line.includes(label)));
    return samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** Sends a signal and answers `{ code, signal, tookMs }` when the process has ended. */
  async kill(signal = 'SIGTERM', timeoutMs = STOP_MS) {
    const startedAt = performance.now();
    this.child.kill(signal);
    const exit = await deadline(this.exited, timeoutMs, `vibetalk outlived ${signal} by ${timeoutMs} ms`)
      .catch((cause) => { throw new Error(`${cause.message}\n${this.tail()}`); });
    return { ...exit, tookMs: performance.now() - startedAt };
  }

  /** Ends the process (unless it has ended) and starts it on the same data folder and port. */
  async restart(signal = 'SIGTERM') {
    await this.kill(signal);
    await this.start();
  }

  /** Ends it whatever state it is in, and removes its data. */
  async stop() {
    await this.kill('SIGKILL');
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** The last log lines, for the message of a failure. */
  tail(lines = 40) {
    return this.logs.slice(-lines).join('\n');
  }

  alive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** `server.http('POST', '/api/v1/groups', { token, body })`, see http.mjs. */
  http(method, route, options) {
    return http(this.url, method, route, options);
  }
}

/** One copy: the CQL server is a single one. */
function storeSettings() {
  if (!sharedStore) return {};
  return { 'store.url': `${sharedStore}/t_${randomBytes(6).toString('hex')}`, 'store.scylla.replication': '1' };
}

function storeOf(set) {
  return Object.fromEntries(Object.entries(set).filter(([key]) => key.startsWith('store.')));
}

function settings(set) {
  return Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
}

function launch(args, env, shell) {
  const { VIBETALK_BIN: _, VIBETALK_TEST_STORE: __, ...inherited } = process.env; // Ours, and no settings of the server.
  const [program, given] = shell ? ['sh', ['-c', `${shell}; exec "$0" "$@"`, binary, ...args]] : [binary, args];
  const child = spawn(program, given, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...inherited, NO_COLOR: '1', ...env } });
  running.add(child);
  child.once('exit', () => running.delete(child));
  guard(child);
  return child;
}

/** Ends the server if this process is killed itself: a shell waits for the end of a pipe that only we hold open. */
function guard(child) {
  if (!child.pid) return;
  const shell = spawn('sh', ['-c', 'read _; kill -9 "$0"', String(child.pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.unref();
  child.once('exit', () => {
    shell.kill();
    shell.stdin.destroy();
  });
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

function collect(child, onLine) {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      lines.forEach(onLine);
    });
  }
}
