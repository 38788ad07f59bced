/**
 * `scene(name, body)`: one test with visitors of its own. Each visitor is a person in a fresh browser context; whatever a
 * page says on the console as an error (a violated content policy is one), throws or rejects fails the scene, unless the
 * scene said that it will break the network. A scene that fails leaves pictures of its pages in `failures/`.
 */
import assert from 'node:assert/strict';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshName, PASSWORD } from '../../js/lib/people.mjs';
import { ChatPage } from './page.mjs';
import { browser, built, origins } from './world.mjs';

export const WAIT_MS = 15_000;
const SCENE_MS = 120_000;
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
export const FAILURES = fileURLToPath(new URL('../failures/', import.meta.url));

/** For origins that do not serve the build on the disk themselves (built.mjs): servers and proxies of single scenes. */
const routed = (origin) => built !== null && origin !== built.url;

/** What Chromium itself says about requests that failed; no page can prevent that. */
export const BROKEN_NETWORK = /net::ERR_|WebSocket connection to '.*' failed|the server responded with a status of (401|403|502|503)/;
/** The same, where only upgrades are refused. */
const REFUSED_UPGRADE = /WebSocket connection to '.*' failed/;
/** A picture that is nowhere. Chromium says so to whoever sees the person who has it, in later scenes, too. */
export const PICTURE = 'https://images.invalid/somebody.png';
const NO_PICTURE = /https:\/\/images\.invalid\//;

/** Of what a page showed when its scene failed. */
const TOLD_CHARS = 4000;

export function scene(name, body) {
  test(name, { timeout: SCENE_MS }, async () => {
    const stage = new Stage();
    try {
      await body(stage);
      stage.verify();
    } catch (cause) {
      await stage.photograph(name).catch((failure) => console.error(`no picture: ${failure.message}`));
      throw cause;
    } finally {
      await stage.close();
    }
  });
}

/** Files of `folder` instead of those in the binary; navigations that no file answers get the page. */
async function serveFrom(context, folder) {
  const files = /^\/(?!api\/|socket\.io\/)/;
  await context.route((url) => files.test(url.pathname), async (route) => {
    const { pathname } = new URL(route.request().url());
    const file = path.join(folder, pathname);
    const found = await stat(file).catch(() => null);
    await route.fulfill({ path: found?.isFile() ? file : path.join(folder, 'index.html') });
  });
}

class Stage {
  #visitors = [];

  /** A fresh browser before the sign-in page. `origin` is another server or proxy than those of the world. */
  async visitor({ transport = 'websocket', origin = origins[transport](), tolerates, prepare, path: target = '/', phone = false, ...options } = {}) {
    const context = await browser.newContext({
      viewport: phone ? PHONE : DESKTOP, hasTouch: phone, isMobile: phone, locale: 'en-GB', timezoneId: 'Europe/Berlin', baseURL: origin, ...(routed(origin) && { serviceWorkers: 'block' }), ...options,
    });
    context.setDefaultTimeout(WAIT_MS);
    if (routed(origin)) await serveFrom(context, process.env.CLIENT_DIST);
    await prepare?.(context);
    const visitor = new Visitor(context, origin, [tolerates, NO_PICTURE, transport === 'polling' && REFUSED_UPGRADE].filter(Boolean), options.locale);
    this.#visitors.push(visitor);
    await visitor.tab(target);
    return visitor;
  }

  /** A visitor who has signed up, as `name` of this run. */
  async person(name, options) {
    const visitor = await this.visitor(options);
    await visitor.signUp(name);
    return visitor;
  }

  /** Several of them, at once. */
  people(names, options) {
    return Promise.all(names.map((name) => this.person(name, options)));
  }

  /** Somebody who exists already (`resident`, `club`), signed in at a page of their own. */
  async signedIn({ person }, options) {
    const visitor = await this.visitor(options);
    visitor.name = person.displayName;
    await visitor.page.signIn(person);
    return visitor;
  }

  verify() {
    for (const { name, problems } of this.#visitors) assert.deepEqual(problems, [], `the page of ${name} has problems`);
  }

  async photograph(scene) {
    await mkdir(FAILURES, { recursive: true });
    for (const [index, { context, name, problems }] of this.#visitors.entries()) {
      for (const [tab, page] of context.pages().entries()) {
        const file = path.join(FAILURES, `${scene}-${index}${name ? `-${name}` : ''}-${tab}`.replace(/[^\w-]+/g, '_'));
        await page.screenshot({ path: `${file}.png` });
        const seen = await page.locator('body').ariaSnapshot();
        const told = `${page.url()}\n${problems.join('\n')}\n\n${seen}\n`;
        await writeFile(`${file}.txt`, told);
        // Where only the output is kept, it says what was on the screen.
        console.error(`${scene}, page of ${name ?? 'a visitor'}: ${told.slice(0, TOLD_CHARS)}`);
      }
    }
  }

  async close() {
    await Promise.all(this.#visitors.map(({ context }) => context.close()));
  }
}

class Visitor {
  problems = [];
  /** Every address that was asked for, WebSockets included. */
  requests = [];
  sockets = [];
  name = '';

  constructor(context, origin, tolerated, locale = 'en') {
    Object.assign(this, { context, origin, language: locale.split('-')[0] });
    const report = (what) => tolerated.some((pattern) => pattern.test(what)) || this.problems.push(what);
    context.on('console', (message) => message.type() === 'error' && report(`${message.text()} (${message.location().url})`));
    context.on('weberror', (failure) => report(String(failure.error().stack ?? failure.error())));
    context.on('request', (request) => this.requests.push({ method: request.method(), url: request.url() }));
  }

  /** Opens one more tab of the same browser; `visitor.page` stays the first. */
  async tab(target = '/') {
    const tab = await this.context.newPage();
    tab.on('websocket', (socket) => this.sockets.push(socket));
    await tab.goto(target);
    const page = new ChatPage(tab, this.language);
    this.page ??= page;
    return page;
  }

  async signUp(name) {
    this.name = name;
    this.username = freshName(name.toLowerCase());
    await this.page.signUp({ username: this.username, password: PASSWORD, displayName: name });
  }

  /** Requests of which the address has this in it. */
  asked(part, method) {
    return this.requests.filter((request) => request.url.includes(part) && (!method || request.method === method));
  }
}
