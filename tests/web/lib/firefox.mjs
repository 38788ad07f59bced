/**
 * The Firefox of the system, over Marionette, which is built into it: Playwright drives only a Firefox of its own. Knows
 * just enough to show a page, to ask what is in it and to take a picture.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from '../../js/lib/wait.mjs';

const ENTER = '\ue007';
const START_MS = 60_000;
const SCRIPT_MS = 30_000;
const candidates = [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'];

/** No port but a free one, nothing asked of or said to anybody outside. */
const PREFERENCES = {
  'marionette.port': 0,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'app.update.disabledForTesting': true,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'intl.accept_languages': 'en-GB, en',
};

/** `dark` is what the system is said to prefer. */
export async function startFirefox({ dark = false, width = 1280, height = 800 } = {}) {
  const binary = candidates.find((file) => file && existsSync(file));
  assert.ok(binary, 'no Firefox: install it, or say where it is with FIREFOX');
  const profile = await mkdtemp(path.join(tmpdir(), 'vibetalk-firefox-'));
  const preferences = { ...PREFERENCES, 'layout.css.prefers-color-scheme.content-override': dark ? 0 : 1 };
  await writeFile(path.join(profile, 'user.js'), Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''));
  const child = spawn(binary, ['--headless', '--marionette', '--no-remote', '--profile', profile, `--width=${width}`, `--height=${height}`], { stdio: 'ignore' });
  const firefox = new Firefox(child, profile);
  try {
    await firefox.connect();
    await firefox.send('WebDriver:SetWindowRect', { width, height });
  } catch (cause) {
    await firefox.stop();
    throw cause;
  }
  return firefox;
}

class Firefox {
  #socket;
  #received = Buffer.alloc(0);
  #asked = 0;
  #answers = new Map();

  constructor(child, profile) {
    Object.assign(this, { child, profile });
  }

  /** Firefox writes which port it took into its profile. */
  async connect() {
    const file = path.join(this.profile, 'MarionetteActivePort');
    await until(() => existsSync(file), START_MS, 'Firefox does not start');
    this.#socket = net.connect({ host: '127.0.0.1', port: Number(await readFile(file, 'utf8')) });
    this.#socket.on('data', (bytes) => this.#take(bytes));
    this.#socket.on('error', () => {});
    await once(this.#socket, 'connect');
    await this.send('WebDriver:NewSession', { capabilities: { alwaysMatch: { timeouts: { script: SCRIPT_MS } } } });
  }

  /** Packets are `length:json`; a request is `[0, id, command, parameters]`, its answer `[1, id, error, result]`. */
  #take(bytes) {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const colon = this.#received.indexOf(':');
      const end = colon + 1 + Number(this.#received.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#received.length < end) return;
      const [kind, id, error, result] = [JSON.parse(this.#received.subarray(colon + 1, end))].flat();
      this.#received = this.#received.subarray(end);
      if (kind === 1) this.#answers.get(id)?.(error, result);
      this.#answers.delete(id);
    }
  }

  send(command, parameters = {}) {
    const id = (this.#asked += 1);
    const packet = JSON.stringify([0, id, command, parameters]);
    this.#socket.write(`${Buffer.byteLength(packet)}:${packet}`);
    return new Promise((resolve, reject) => {
      this.#answers.set(id, (error, result) => (error ? reject(new Error(`${command}: ${error.message}`)) : resolve(result?.value ?? result)));
    });
  }

  goto(url) {
    return this.send('WebDriver:Navigate', { url });
  }

  /** What `body`, a function of the page's, answers. */
  evaluate(body, ...args) {
    return this.send('WebDriver:ExecuteScript', { script: `return (${body})(...arguments)`, args });
  }

  /** Waits until `body` answers something true in the page. */
  sees(body, ...args) {
    return until(() => this.evaluate(body, ...args), SCRIPT_MS, `Firefox never sees ${body}`);
  }

  async type(selector, text) {
    const element = await this.send('WebDriver:FindElement', { using: 'css selector', value: selector });
    await this.send('WebDriver:ElementSendKeys', { id: Object.values(element)[0], text });
  }

  /** At an address of the client, while nobody is signed in. */
  async signIn(url, { username, password }) {
    await this.goto(url);
    await this.sees(() => document.querySelector('input[autocomplete=username]') !== null);
    await this.type('input[autocomplete=username]', username);
    await this.type('input[type=password]', password + ENTER);
  }

  async screenshot(file) {
    const png = await this.send('WebDriver:TakeScreenshot', { full: false });
    await writeFile(file, Buffer.from(png, 'base64'));
  }

  async stop() {
    this.#socket?.destroy();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    }
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
