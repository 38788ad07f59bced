/** A disk that is full, played by a limit of the size of files: what is refused, what says so, what comes back. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { test } from 'node:test';
import { sharedStore } from './lib/server.mjs';
import { official, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const vt = await suite({ shell: "trap '' XFSZ; ulimit -S -f 2048" });
const { server } = vt;
const skip = sharedStore && 'of the file';

const ready = async () => (await server.http('GET', '/readyz')).body;

/** Of one kind there are ten lines in ten seconds at most, not one for each of a thousand refusals. */
function assertSeldom(lines, tookMs) {
  const kinds = new Map();
  for (const line of lines) {
    const { message, target } = JSON.parse(line);
    kinds.set(`${target}: ${message}`, (kinds.get(`${target}: ${message}`) ?? 0) + 1);
  }
  const most = 10 * (1 + Math.ceil(tookMs / 10_000));
  for (const [kind, count] of kinds) assert.ok(count <= most, `${count} times in ${Math.round(tookMs)} ms: ${kind}`);
}

test('a full disk refuses writes, degrades the store, fills no log, and is over when it is', { skip }, async () => {
  const client = await vt.connect(await vt.person());
  const { channelId } = official(client);
  const say = (number) => client.request('message:create', { channelId, content: 'é'.repeat(4000), nonce: `${number}` });
  const answers = [];
  while (!answers.some(({ ok }) => !ok)) answers.push(...(await Promise.all(Array.from({ length: 50 }, (_, n) => say(answers.length + n)))));
  const report = await until(async () => {
    await Promise.all(Array.from({ length: 100 }, (_, n) => say(`full ${n}`)));
    const now = await ready();
    return now.checks.store === 'failing' && now;
  }, 30_000, 'the store is not degraded');
  assert.deepEqual([report.ready, report.degraded], [true, ['store']]);

  const before = server.logs.length;
  const startedAt = performance.now();
  for (let wave = 0; wave < 10; wave += 1) {
    const refused = await Promise.all(Array.from({ length: 100 }, (_, n) => say(`more ${wave} ${n}`)));
    for (const { ok, error } of refused) if (!ok) assert.equal(error.code, 'unavailable');
  }
  assertSeldom(server.logs.slice(before), performance.now() - startedAt);

  execFileSync('prlimit', ['--fsize=unlimited', '--pid', String(server.child.pid)]);
  await until(async () => (await ready()).checks.store === 'ok', 30_000, 'the store does not come back');
  const { data } = await say('after');
  const acked = answers.filter(({ ok }) => ok).map((answer) => answer.data.id);
  const { messages } = await client.ok('message:list', { channelId, around: acked.at(-1), limit: 1 });
  assert.deepEqual(messages.map(({ id }) => id), [acked.at(-1)]);
  await server.restart('SIGKILL');
  const again = await vt.connect(await vt.person());
  const kept = await again.ok('message:list', { channelId, around: data.id, limit: 1 });
  assert.equal(kept.messages[0].id, data.id);
});

test('a database that is taken away is said once, however much is refused, and its return once', { skip }, async () => {
  const own = await suite();
  const client = await own.connect(await own.person());
  const { channelId } = official(client);
  const [data, aside] = [own.server.dataDir, `${own.server.dataDir}-aside`];
  const about = (words) => own.server.logs.filter((line) => line.includes(words));
  const before = own.server.logs.length;
  await rename(data, aside);
  const startedAt = performance.now();
  for (let wave = 0; wave < 10; wave += 1) {
    const refused = await Promise.all(Array.from({ length: 100 }, (_, n) => client.request('message:create', { channelId, content: `${wave} ${n}` })));
    assert.deepEqual([...new Set(refused.map(({ error }) => error?.code))], ['unavailable']);
  }
  const body = (await own.server.http('GET', '/readyz')).body;
  assert.deepEqual([body.ready, body.checks.files], [false, 'failing']);
  assert.equal(about('was deleted or replaced while it was open').length, 1);
  await rename(aside, data);
  await until(async () => (await own.server.http('GET', '/readyz')).status === 200, 30_000, 'it does not come back');
  await client.ok('message:create', { channelId, content: 'back' });
  assert.deepEqual([about('was deleted or replaced while it was open').length, about('are back').length], [1, 1]);
  assertSeldom(own.server.logs.slice(before), performance.now() - startedAt);
});
