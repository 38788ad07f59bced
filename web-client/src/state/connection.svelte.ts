/** The state of the connection, whether a loss has lasted long enough to be worth a word, and what still holds then. */
import type { Client, ConnectionInfo, ConnectionState } from "../protocol/api";
import type { Connection } from "./api";

/** A shorter loss (another network, a server restart) is over before one could read a banner. */
const TROUBLED_AFTER_MS = 2000;

export class ConnectionStatus implements Connection {
  readonly #client: Client;
  readonly #ended: () => void;
  #info: ConnectionInfo = $state.raw({ state: "signedOut", transport: null, latencyMs: null, since: 0 });
  #troubled = $state(false);
  #live = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `ended`: what was live is not any more. */
  constructor(client: Client, ended: () => void = () => {}) {
    this.#client = client;
    this.#ended = ended;
    this.#changed(client.connection);
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

  get live(): boolean {
    return this.#live;
  }

  retryNow(): void {
    this.#client.reconnectNow();
  }

  #changed(info: ConnectionInfo): void {
    this.#info = info;
    if (!isOpen(info) && info.state !== "signedOut") {
      this.#timer ??= setTimeout(() => this.#lost(), TROUBLED_AFTER_MS);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#troubled = false;
    if (isOpen(info)) this.#live = true;
    else this.#end();
  }

  #lost(): void {
    this.#troubled = true;
    this.#end();
  }

  #end(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#ended();
  }
}

/** Pushes arrive. */
export function isOpen({ state }: ConnectionInfo): boolean {
  return state === "online" || state === "draining";
}
