/**
 * Serves a build of the client from the disk as the binary would serve it: compressed, kept by browsers as it says, under
 * the policy of the binary. Everything else is the server's, WebSockets too.
 */
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

const SERVER_PATHS = /^\/(api|socket\.io|admin|metrics|docs|healthz|readyz)([/?]|$)/;
/** Best first. */
const ENCODINGS = [['br', '.br'], ['gzip', '.gz'], [null, '']];
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.json': 'application/json', '.webmanifest': 'application/manifest+json', '.svg': 'image/svg+xml', '.png': 'image/png',
};

export async function startBuilt(folder, server) {
  const page = await server.http('GET', '/');
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(page.text)?.[1];
  const policies = { page: policyOf(page), part: policyOf(script ? await server.http('HEAD', script) : page) };
  const listener = http.createServer((request, response) => {
    if (SERVER_PATHS.test(request.url)) passOn(request, response, server.port);
    else void serve(request, response);
  });
  listener.on('upgrade', (request, socket, head) => tunnel(request, socket, head, server.port));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    stop() {
      listener.close();
      listener.closeAllConnections();
    },
  };

  async function serve(request, response) {
    const { pathname } = new URL(request.url, 'http://built');
    const accepted = request.headers['accept-encoding'] ?? '';
    const file = await find(pathname, accepted) ?? await find('/index.html', accepted);
    const kept = file.name.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    const encoding = file.encoding && { 'content-encoding': file.encoding };
    response.writeHead(200, {
      ...policies[/^\/assets\/.*\.(js|css)$/.test(file.name) ? 'part' : 'page'], ...encoding, 'content-type': TYPES[path.extname(file.name)] ?? 'application/octet-stream',
      'content-length': file.body.length, 'cache-control': kept, vary: 'accept-encoding',
    });
    response.end(request.method === 'HEAD' ? undefined : file.body);
  }

  async function find(name, accepted) {
    for (const [encoding, suffix] of ENCODINGS) {
      if (encoding && !accepted.includes(encoding)) continue;
      const body = await readFile(path.join(folder, `${name}${suffix}`)).catch(() => null);
      if (body) return { name, encoding, body };
    }
    return null;
  }
}

/** What an answer says of what the browser may do. */
function policyOf({ headers }) {
  return Object.fromEntries([...headers].filter(([name]) => /policy|nosniff|content-type-options/.test(name)));
}

function passOn(request, response, port) {
  const { method, url, headers } = request;
  const onward = http.request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

function tunnel({ method, url, httpVersion, rawHeaders }, socket, head, port) {
  const onward = net.connect(port, '127.0.0.1');
  const lines = rawHeaders.flatMap((name, at) => (at % 2 ? [] : [`${name}: ${rawHeaders[at + 1]}`]));
  onward.write(`${method} ${url} HTTP/${httpVersion}\r\n${lines.join('\r\n')}\r\n\r\n`);
  onward.write(head);
  for (const [one, other] of [[onward, socket], [socket, onward]]) {
    one.pipe(other);
    one.on('error', () => {}).on('close', () => other.destroy());
  }
}
