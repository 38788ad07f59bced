// Serves index.html, send.js and the socket.io-client of node_modules on http://localhost:8080, or on the port given.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

const files = {
  '/': [new URL('index.html', import.meta.url), 'text/html; charset=utf-8'],
  '/send.js': [new URL('send.js', import.meta.url), 'text/javascript'],
  '/socket.io.min.js': [new URL('node_modules/socket.io-client/dist/socket.io.min.js', import.meta.url), 'text/javascript'],
};

const server = createServer(async (request, response) => {
  const [file, type] = files[new URL(request.url, 'http://localhost').pathname] ?? [];
  if (!file) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': type }).end(await readFile(file));
});
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => console.log(`http://localhost:${server.address().port}`));
