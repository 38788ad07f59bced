/**
 * A TCP proxy in front of the server that can lose the network: cut what is open, refuse what is new,
 * or swallow what the server answers, so that a request is carried out and its ack is lost.
 */
import net from 'node:net';
import { once } from 'node:events';

export async function startProxy(port) {
  const proxy = new Proxy_(port);
  proxy.listener.listen(0, '127.0.0.1');
  await once(proxy.listener, 'listening');
  return proxy;
}

class Proxy_ {
  refusing = false;
  muted = false;
  #pairs = new Set();

  constructor(port) {
    this.target = port;
    this.listener = net.createServer((client) => this.#forward(client));
  }

  get url() {
    return `http://127.0.0.1:${this.listener.address().port}`;
  }

  #forward(client) {
    if (this.refusing) return client.destroy();
    const server = net.connect(this.target, '127.0.0.1');
    const pair = [client, server];
    this.#pairs.add(pair);
    const end = () => { this.#pairs.delete(pair); pair.forEach((socket) => socket.destroy()); };
    pair.forEach((socket) => socket.on('error', end).on('close', end).setNoDelay());
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => { if (!this.muted) client.write(bytes); });
  }

  /** From now on nothing that the server sends arrives. */
  mute() {
    this.muted = true;
  }

  /** Resets all connections; new ones are served again, and heard. */
  cut() {
    this.muted = false;
    this.#pairs.forEach((pair) => pair.forEach((socket) => socket.resetAndDestroy()));
  }

  async stop() {
    this.cut();
    this.listener.close();
  }
}
