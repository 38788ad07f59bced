/**
 * What all cases share: one server that serves the embedded client, one browser, and a proxy without WebSocket.
 * People exist in two ways: a `visitor` sits before a page of the client (visitor.mjs), everybody else speaks the
 * protocol through tests/js/lib and makes what the visitor sees.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { freshName, PASSWORD } from '../../js/lib/people.mjs';
import { suite } from '../../js/lib/suite.mjs';
import { startBuilt } from './built.mjs';
import { startFront } from './front.mjs';

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = candidates.find((file) => file && existsSync(file));
assert.ok(executablePath, 'no Chromium: install it, or say where it is with CHROMIUM');

export const vt = await suite();
/** A build of the client on the disk, so that the binary need not be built for each change of it. */
export const built = process.env.CLIENT_DIST ? await startBuilt(process.env.CLIENT_DIST, vt.server) : null;
export const front = await startFront(vt.server.port);
export const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', ...(process.env.CLIENT_DIST ? ['--disable-features=LocalNetworkAccessChecks'] : [])] });
after(async () => {
  front.stop();
  built?.stop();
  await browser.close();
});

/** Where a visitor goes to get one transport: behind the proxy polling is all there is. */
export const origins = { websocket: () => built?.url ?? vt.server.url, polling: () => front.url };

/** Somebody with a name, connected over the protocol; `person` holds what signs them in at a page. Has been here before. */
export async function resident(displayName) {
  const client = await newcomer(displayName);
  await client.ok('settings:update', { settings: { 'web.firstRun': { dismissed: true } } });
  return client;
}

/** Somebody whose first visit is still to come. */
export async function newcomer(displayName) {
  const username = freshName(displayName.toLowerCase().replace(/[^a-z]+/g, '') || 'person');
  const { status, body } = await vt.server.http('POST', '/api/v1/auth/register', { body: { username, password: PASSWORD, displayName } });
  assert.equal(status, 201, JSON.stringify(body));
  return vt.connect({ ...body, id: body.user.id, username, password: PASSWORD, displayName });
}

let clubs = 0;

/** A group of one's own with these members: `{ group, groupId, channelId, invite, owner, people }`. */
export async function club(...names) {
  const [owner, ...people] = await Promise.all(['Olga', ...names].map(resident));
  clubs += 1;
  const group = await owner.ok('group:create', { name: `Club ${clubs}` });
  const invite = await owner.ok('invite:create', { groupId: group.id });
  for (const person of people) await person.ok('invite:accept', { code: invite.code });
  return { group, groupId: group.id, channelId: group.channels[0].id, invite, owner, people };
}
