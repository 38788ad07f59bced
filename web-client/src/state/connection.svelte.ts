/** The state of the connection, and whether a loss has lasted long enough to be worth a word. */
import type { Client, ConnectionInfo, ConnectionState } from "../protocol/api";
import type { Connection } from "./api";

/** A shorter loss (another network, a server restart) is over before one could read a banner. */
const TROUBLED_AFTER_MS = 2000;

export class ConnectionStatus implements Connection {
  readonly #client: Client;
  #info: ConnectionInfo = $state.raw({ state: "signedOut", transport: null, latencyMs: null, since: 0 });
  #troubled = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client) {
    this.#client = client;
    this.#info = client.connection;
    client.on("connection", (info) => this.#changed(info));
  }

  get state(): ConnectionState {
    return this.#info.state;
  }

  get transport() {
    return this.#info.transport;
  }

  get latencyMs() {
    return this.#info.latencyMs;
  }

  get troubled(): boolean {
    return this.#troubled;
  }

  retryNow(): void {
    this.#client.reconnectNow();
  }

  #changed(info: ConnectionInfo): void {
    this.#info = info;
    const lost = info.state === "reconnecting" || info.state === "offline" || info.state === "connecting";
    if (lost) {
      this.#timer ??= setTimeout(() => (this.#troubled = true), TROUBLED_AFTER_MS);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#troubled = false;
  }
}
