/** The web client as the binary serves it, over real connections; with or without a built client in the binary. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { suite } from './lib/suite.mjs';

const vt = await suite();
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** One request over the one connection; the body is what travels. */
function ask(path, { method = 'GET', headers } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${vt.server.url}${path}`, { method, headers, agent }, async (response) => {
      const body = Buffer.concat(await response.toArray());
      resolve({ status: response.statusCode, headers: response.headers, body, reused: request.reusedSocket });
    });
    request.on('error', reject).end();
  });
}

const navigation = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const page = (await ask('/', { headers: navigation })).body.toString();
const named = [...page.matchAll(/(?:src|href)="(\/[^"/][^"]*)"/g)].map(([, path]) => path).filter((path) => !path.startsWith('/docs'));

test('every file that the page names is there, whole, on a connection that is kept', async () => {
  assert.notEqual(named.length, 0, page);
  for (const path of named) {
    const plain = await ask(path);
    assert.deepEqual([plain.status, plain.reused], [200, true], path);
    assert.equal(plain.body.length, Number(plain.headers['content-length']), path);
    const encoded = await ask(path, { headers: { 'accept-encoding': 'br' } });
    const isSmaller = encoded.headers['content-encoding'] === 'br';
    assert.ok((isSmaller ? brotliDecompressSync(encoded.body) : encoded.body).equals(plain.body), path);
  }
});

test('what has not changed is not sent again, and HEAD sends nothing', async () => {
  for (const path of ['/', ...named]) {
    const { headers, body } = await ask(path);
    const again = await ask(path, { headers: { 'if-none-match': headers.etag } });
    assert.deepEqual([again.status, again.body.length, again.reused], [304, 0, true], path);
    const head = await ask(path, { method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length, head.headers['content-length']], [200, 0, String(body.length)], path);
  }
});

test('a link into the client is its page, a typo in an address is not', async () => {
  const link = await ask('/c/123456', { headers: navigation });
  assert.deepEqual([link.status, link.body.toString()], [200, page]);
  for (const path of ['/api/v1/nope', '/assets/nope.js', '/socket.io/nope']) {
    const { status, headers } = await ask(path, { headers: navigation });
    assert.deepEqual([status, headers['content-type']], [404, 'application/json'], path);
  }
});

test('the page and its files say what they may do', async () => {
  for (const path of ['/', ...named]) {
    const { headers } = await ask(path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    // The page's policies hold for its scripts and styles.
    if (/^\/assets\/.*\.(js|css)$/.test(path)) {
      assert.equal(headers['content-security-policy'], undefined, path);
      continue;
    }
    assert.match(headers['content-security-policy'], /^default-src 'self';.* require-trusted-types-for 'script'/, path);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe/, path);
  }
});
