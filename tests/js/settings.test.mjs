/** What clients keep for a person. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { login } from './lib/people.mjs';
import { suite } from './lib/suite.mjs';

const vt = await suite();
const [ada, bob] = await vt.people(2);

const kept = async (client) => (await client.ok('settings:get', {})).settings;

test('settings are merged by key, and are the same on all devices of the person alone', async () => {
  const device = await vt.connect(await login(vt.server, ada.person));
  assert.deepEqual(await kept(ada), {});
  const first = { theme: 'dark', muted: { 1: true }, density: 1.5, list: [null, 'é👍'] };
  assert.deepEqual(await ada.ok('settings:update', { settings: first }), { settings: first });
  for (const client of [ada, device]) assert.deepEqual(await client.next('settings:updated'), { settings: first });
  const second = await device.ok('settings:update', { settings: { theme: null, muted: { 2: null }, nothing: null } });
  assert.deepEqual(second.settings, { muted: { 2: null }, density: 1.5, list: [null, 'é👍'] });
  assert.deepEqual(await ada.next('settings:updated', ({ settings }) => !settings.theme), second);
  assert.deepEqual(await kept(ada), second.settings);
  await vt.fence(bob);
  assert.deepEqual([await kept(bob), bob.seen('settings:updated')], [{}, []]);
});

test('two devices that change different keys at once keep both', async () => {
  const person = await vt.person();
  const devices = [await vt.connect(person), await vt.connect(await login(vt.server, person))];
  const changes = Array.from({ length: 40 }, (_, n) => devices[n % 2].ok('settings:update', { settings: { [`key ${n}`]: n } }));
  await Promise.all(changes);
  const settings = await kept(devices[0]);
  assert.equal(Object.keys(settings).length, 40);
  const last = (client) => client.next('settings:updated', (push) => Object.keys(push.settings).length === 40);
  for (const device of devices) assert.deepEqual((await last(device)).settings, settings);
});

test('what would be too large changes nothing', async () => {
  const client = await vt.connect(await vt.person());
  const { settingsBytes } = client.ready.limits;
  assert.equal(settingsBytes, 16_384);
  const exactly = { a: 'x'.repeat(settingsBytes - JSON.stringify({ a: '' }).length) };
  await client.refused('settings:update', { settings: { a: `${exactly.a}x` } }, 'too_large');
  await client.ok('settings:update', { settings: exactly });
  const { fields } = await client.refused('settings:update', { settings: { b: 1 } }, 'too_large');
  assert.ok(fields.settings);
  assert.deepEqual(await kept(client), exactly);
  await client.ok('settings:update', { settings: { a: null, b: 1 } });
  assert.deepEqual(await kept(client), { b: 1 });
});

test('settings are an object', async () => {
  for (const settings of [undefined, null, [], [1], 'x', 7, true]) await bob.refused('settings:update', { settings }, 'invalid_request');
  let deep = {};
  for (let depth = 0; depth < 300; depth += 1) deep = { deep };
  await bob.refused('settings:update', { settings: deep }, 'invalid_request');
  assert.deepEqual(await bob.ok('settings:update', { settings: {} }), { settings: {} });
  const odd = JSON.parse('{"__proto__":1,"":2,"constructor":3}');
  assert.deepEqual(JSON.stringify((await bob.ok('settings:update', { settings: odd })).settings), '{"":2,"__proto__":1,"constructor":3}');
});

test('the same over HTTP', async () => {
  const client = await vt.connect(await vt.person());
  const call = (method, body) => vt.http(method, '/api/v1/users/me/settings', { token: client.token, body });
  assert.deepEqual((await call('PATCH', { settings: { theme: 'light' } })).body, { settings: { theme: 'light' } });
  assert.deepEqual(await client.next('settings:updated'), { settings: { theme: 'light' } });
  assert.deepEqual((await call('GET')).body, { settings: { theme: 'light' } });
  const { status, body } = await call('PATCH', { settings: { big: 'x'.repeat(20_000) } });
  assert.deepEqual([status, body.error.code], [413, 'too_large']);
  assert.deepEqual(await kept(client), { theme: 'light' });
});
