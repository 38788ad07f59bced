/** What operators do with a store while no server uses it: its tables, a copy of it, a backup. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { connect } from './lib/client.mjs';
import { login, register } from './lib/people.mjs';
import { runBinary, startServer } from './lib/server.mjs';

const folder = await mkdtemp(path.join(tmpdir(), 'vibetalk-transfer-'));
const server = await startServer();
const person = await register(server);
const client = await connect(server.url, person.accessToken);
const group = await client.ok('group:create', { name: 'Movers' });
const channelId = group.channels[0].id;
const said = await client.say(channelId, 'to be moved');
const edited = await client.say(channelId, 'to be edited');
await client.ok('message:update', { channelId, messageId: edited.id, content: 'edited' });
await client.ok('reaction:add', { channelId, messageId: said.id, emoji: '👍' });
await client.ok('pin:add', { channelId, messageId: said.id });
const again = await connect(server.url, person.accessToken); // It is ready with the group.
const before = await seen(again);
client.close();
again.close();
await server.kill();
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function seen(someone) {
  const { messages } = await someone.ok('message:list', { channelId });
  return { messages, groups: someone.ready.groups.map(({ id, name, memberCount }) => ({ id, name, memberCount })) };
}

/** A server on a file shows to the same person what the first one did. */
async function serves(file) {
  const other = await startServer({ set: { 'store.url': `sqlite:${file}` } });
  try {
    const back = await connect(other.url, (await login(other, person)).accessToken);
    const { messages, groups } = await seen(back);
    assert.deepEqual(messages, before.messages);
    assert.ok(groups.some(({ id, name, memberCount }) => id === group.id && name === 'Movers' && memberCount === 1));
    await back.say(channelId, 'and on it goes');
    back.close();
  } finally {
    await other.stop();
  }
}

const own = server.dataArguments();

test('`store migrate` makes the tables, and finds them made', async () => {
  const data = path.join(folder, 'migrated');
  for (const args of [own, ['--data-dir', data], ['--data-dir', data]]) {
    const { code, output } = await runBinary(['store', 'migrate', ...args]);
    assert.equal(code, 0, output);
    assert.match(output, /the tables are up to date/);
  }
  assert.ok(existsSync(path.join(data, 'vibetalk.db')));
});

test('`store export` writes a file for its owner, and `store import` makes a store of it that serves the same', async () => {
  const backup = path.join(folder, 'backup.jsonl');
  const exported = await runBinary(['store', 'export', backup, ...own]);
  assert.equal(exported.code, 0, exported.output);
  assert.equal((await stat(backup)).mode & 0o777, 0o600);
  assert.notEqual((await runBinary(['store', 'export', backup, ...own])).code, 0, 'nothing is overwritten');
  const lines = (await readFile(backup, 'utf8')).trimEnd().split('\n');
  assert.deepEqual(lines.map((line) => Object.keys(JSON.parse(line))[0]).filter((kind) => kind === 'message').length, 2);

  const file = path.join(folder, 'imported.db');
  const into = (from) => runBinary(['store', 'import', from, '--set', `store.url=sqlite:${file}`]);
  const imported = await into(backup);
  assert.equal(imported.code, 0, imported.output);
  assert.match(imported.output, new RegExp(`imported ${lines.length - 2} records`));
  await serves(file);

  const cut = path.join(folder, 'cut.jsonl');
  await writeFile(cut, `${lines.slice(0, -2).join('\n')}\n`);
  const refused = await runBinary(['store', 'import', cut, '--set', `store.url=sqlite:${path.join(folder, 'cut.db')}`]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.output, /cut off/);
});

test('`store copy` moves everything, compares it, and copies into nothing that is not empty', async () => {
  const from = own.find((argument) => argument.startsWith('store.url='))?.slice('store.url='.length) ?? `sqlite:${path.join(server.dataDir, 'vibetalk.db')}`;
  const file = path.join(folder, 'copied.db');
  const progress = path.join(folder, 'progress.json');
  const copy = (source, target) => runBinary(['store', 'copy', '--from', source, '--to', target, '--progress', progress]);
  const copied = await copy(from, `sqlite:${file}`);
  assert.equal(copied.code, 0, copied.output);
  assert.match(copied.output, /2 messages copied/);
  assert.match(copied.output, /both stores hold the same/);
  assert.ok(!existsSync(progress), 'it is done');
  // Once more changes nothing; and where somebody else is, nothing is mixed.
  assert.equal((await copy(from, `sqlite:${file}`)).code, 0);
  await serves(file);

  const missing = await copy(`sqlite:${path.join(folder, 'missing.db')}`, `sqlite:${path.join(folder, 'x.db')}`);
  assert.notEqual(missing.code, 0);
  assert.match(missing.output, /no database/);
  const another = await startServer({ set: { 'store.url': `sqlite:${path.join(folder, 'another.db')}` } });
  await another.kill();
  const refused = await copy(from, `sqlite:${path.join(folder, 'another.db')}`);
  assert.notEqual(refused.code, 0);
  assert.match(refused.output, /not empty/);
  await another.stop();
});
