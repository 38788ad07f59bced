/** A disk that is full, played by a limit of the size of files: what is refused, what says so, what comes back. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { official, suite } from './lib/suite.mjs';
import { until } from './lib/wait.mjs';

const vt = await suite({ shell: "trap '' XFSZ; ulimit -S -f 2048" });
const { server } = vt;

const ready = async () => (await server.http('GET', '/readyz')).body;

test('a full disk refuses writes, degrades the store, fills no log, and is over when it is', async () => {
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
  for (let wave = 0; wave < 10; wave += 1) {
    const refused = await Promise.all(Array.from({ length: 100 }, (_, n) => say(`more ${wave} ${n}`)));
    for (const { ok, error } of refused) if (!ok) assert.equal(error.code, 'unavailable');
  }
  const lines = server.logs.slice(before);
  assert.ok(lines.length < 200, `${lines.length} lines for 1,000 refusals:\n${lines.slice(-5).join('\n')}`);

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
