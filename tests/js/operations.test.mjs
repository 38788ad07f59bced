/** The command line and the settings, as far as one sees them from outside. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { connect, versions } from './lib/client.mjs';
import { register } from './lib/people.mjs';
import { runBinary, startServer } from './lib/server.mjs';
import { until } from './lib/wait.mjs';

const folder = await mkdtemp(path.join(tmpdir(), 'vibetalk-operations-'));
after(() => rm(folder, { recursive: true, force: true }));

const serve = (...more) => runBinary(['serve', '--listen', '127.0.0.1:0', '--data-dir', path.join(folder, 'data'), ...more]);

test('an unknown key ends the start and names the nearest known one', async () => {
  const { code, output } = await serve('--set', 'limits.rate=false');
  assert.notEqual(code, 0);
  assert.match(output, /limits\.rates/);
});

test('a bad value ends the start and names its key', async () => {
  for (const setting of ['limits.rates=perhaps', 'listen=nowhere']) {
    const { code, output } = await serve('--set', setting);
    assert.notEqual(code, 0);
    assert.match(output, new RegExp(setting.split('=')[0].replace('.', '\\.')));
  }
});

test('flags beat the environment, the environment beats the file', async () => {
  const file = path.join(folder, 'vibetalk.toml');
  await writeFile(file, '[limits]\nrequests_burst = 111\nrequests_per_second = 111\nrequests_unanswered = 111\n');
  const env = { VIBETALK_LIMITS__REQUESTS_BURST: '222', VIBETALK_LIMITS__REQUESTS_PER_SECOND: '222' };
  const { code, output } = await runBinary(['config', '--config', file, '--set', 'limits.requests_burst=333'], { env });
  assert.equal(code, 0, output);
  for (const line of [/requests_burst\s*=\s*333/, /requests_per_second\s*=\s*222/, /requests_unanswered\s*=\s*111/]) assert.match(output, line);
});

test('`config` prints every key of the reference as TOML that can be read back', async () => {
  const printed = await runBinary(['config', '--set', 'limits.requests_burst=77', '--set', 'http.cors_origins=https://a.example.org,https://b.example.org']);
  assert.equal(printed.code, 0, printed.output);
  const file = path.join(folder, 'printed.toml');
  await writeFile(file, printed.output);
  assert.equal((await runBinary(['config', '--config', file])).output, printed.output);
  const reference = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  assert.deepEqual(keysOf(printed.output), [...reference.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, key]) => key).sort());
  assert.match(printed.output, /^requests_burst = 77$/m);
});

/** The dotted keys of a TOML file that has one key a line. */
function keysOf(toml) {
  const keys = [];
  let section = '';
  for (const line of toml.split('\n')) {
    const [, header, key] = /^(?:\[([\w.]+)\]|(\w+) = .+)$/.exec(line) ?? [];
    if (header) section = `${header}.`;
    if (key) keys.push(section + key);
  }
  return keys.sort();
}

test('the reference in docs is the one the binary prints', async () => {
  const { code, output } = await runBinary(['config', '--markdown']);
  assert.equal(code, 0, output);
  assert.equal(output.trim(), (await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).trim());
});

test('an unknown key in a file, in the environment or in a flag names the nearest known one', async () => {
  const file = path.join(folder, 'unknown.toml');
  await writeFile(file, '[limits]\nrequests_bursts = 5\n');
  for (const [args, env] of [
    [['config', '--config', file], {}],
    [['config', '--set', 'limit.requests_burst=5'], {}],
    [['config'], { VIBETALK_LIMITS__REQUEST_BURST: '5' }],
    [['serve', '--config', file, '--data-dir', path.join(folder, 'unknown')], {}],
  ]) {
    const { code, output } = await runBinary(args, { env });
    assert.notEqual(code, 0, args.join(' '));
    assert.match(output, /limits\.requests_burst\b|LIMITS__REQUESTS_BURST\b/, args.join(' '));
  }
});

test('a taken port is a clear error, a taken metrics port only a warning', async () => {
  const squatter = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => squatter.once('listening', resolve));
  const taken = `127.0.0.1:${squatter.address().port}`;
  try {
    const { code, output } = await runBinary(['serve', '--listen', taken, '--set', 'metrics.listen=127.0.0.1:0', '--data-dir', path.join(folder, 'taken')]);
    assert.notEqual(code, 0);
    assert.match(output, new RegExp(`${taken}|in use`, 'i'));
    const server = await startServer({ set: { 'metrics.listen': taken } });
    assert.equal((await server.http('GET', '/readyz')).status, 200);
    await server.stop();
  } finally {
    squatter.close();
  }
});

test('healthcheck tells a running node from none', async () => {
  const server = await startServer();
  const check = () => runBinary(['healthcheck', '--listen', `127.0.0.1:${server.port}`]);
  assert.equal((await check()).code, 0);
  await server.kill('SIGKILL');
  assert.notEqual((await check()).code, 0);
  await server.stop();
});

test('logs are JSON when nobody watches', async () => {
  const server = await startServer();
  await server.stop();
  for (const line of server.logs.filter((text) => text.startsWith('{'))) JSON.parse(line);
  assert.ok(server.logs.some((text) => text.startsWith('{')), server.tail());
});

test('Ctrl+C and SIGQUIT drain as SIGTERM does', async () => {
  for (const signal of ['SIGINT', 'SIGQUIT']) {
    const server = await startServer();
    const { code, tookMs } = await server.kill(signal);
    assert.equal(code, 0, signal);
    assert.ok(tookMs < 15_000, `${signal}: ${tookMs} ms with nobody connected`);
    await server.stop();
  }
});

test('signals that ask for nothing end nothing', async () => {
  const server = await startServer();
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGXFSZ']) {
    server.child.kill(signal);
    assert.equal((await server.http('GET', '/readyz')).status, 200, signal);
  }
  await until(() => server.logs.some((line) => line.includes('SIGHUP')), 5000, 'SIGHUP is not logged');
  assert.equal((await server.kill('SIGTERM')).code, 0);
  await server.stop();
});

test('Socket.IO is where `gateway.path` says, and pings as the settings say', async () => {
  const server = await startServer({ set: { 'gateway.path': '/live/chat/', 'gateway.ping_interval_seconds': 7, 'gateway.ping_timeout_seconds': 3 } });
  try {
    const person = await register(server);
    const { body } = await server.http('GET', '/api/v1/server');
    assert.deepEqual(body, { socketPath: '/live/chat' });
    for (const version of Object.keys(versions)) {
      for (const transport of ['websocket', 'polling']) {
        const client = await connect(server.url, person.accessToken, { version, transport, path: body.socketPath });
        client.close();
      }
    }
    const open = await (await fetch(`${server.url}/live/chat/?EIO=4&transport=polling`)).text();
    const { pingInterval, pingTimeout } = JSON.parse(open.slice(1));
    assert.deepEqual([pingInterval, pingTimeout], [7000, 3000]);
    assert.equal((await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`)).status, 404);
  } finally {
    await server.stop();
  }
});
