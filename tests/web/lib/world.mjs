/**
 * What all cases share: one server that serves the embedded client, one browser, and a proxy without WebSocket.
 * People exist in two ways: a `visitor` sits before a page of the client (visitor.mjs), everybody else speaks the
 * protocol through tests/js/lib and makes what the visitor sees.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { suite } from '../../js/lib/suite.mjs';
import { startFront } from './front.mjs';

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = candidates.find((file) => file && existsSync(file));
assert.ok(executablePath, 'no Chromium: install it, or say where it is with CHROMIUM');

export const vt = await suite();
export const front = await startFront(vt.server.port);
export const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
after(async () => {
  front.stop();
  await browser.close();
});

/** Where a visitor goes to get one transport: behind the proxy polling is all there is. */
export const origins = { websocket: () => vt.server.url, polling: () => front.url };
