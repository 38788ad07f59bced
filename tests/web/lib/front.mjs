/**
 * A proxy that speaks HTTP only, as many in companies do: what asks for an upgrade is answered 403, so that WebSocket
 * never works through it. A test may also let it turn requests away, and cut what is open, as a lost network does.
 */
import http from 'node:http';
import { once } from 'node:events';

const REFUSAL = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

export async function startFront(port) {
  const front = new Front(port);
  front.listener.listen(0, '127.0.0.1');
  await once(front.listener, 'listening');
  return front;
}

class Front {
  upgradesRefused = 0;
  /** Answers whether a path is turned away with 503. */
  refuses = () => false;
  #open = new Set();

  constructor(port) {
    this.port = port;
    this.listener = http.createServer((request, response) => this.#forward(request, response));
    this.listener.on('upgrade', (_, socket) => {
      this.upgradesRefused += 1;
      socket.on('error', () => {}).end(REFUSAL);
    });
  }

  get url() {
    return `http://127.0.0.1:${this.listener.address().port}`;
  }

  #forward(request, response) {
    const { method, url: path, headers } = request;
    if (this.refuses(path)) return response.writeHead(503, { 'content-length': 0 }).end();
    const onward = http.request({ host: '127.0.0.1', port: this.port, method, path, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    this.#open.add(response);
    onward.on('error', () => response.destroy());
    response.on('close', () => {
      this.#open.delete(response);
      onward.destroy();
    });
    request.pipe(onward);
  }

  /** Ends every request under way. */
  cut() {
    this.#open.forEach((response) => response.destroy());
  }

  stop() {
    this.listener.close();
    this.listener.closeAllConnections();
  }
}
