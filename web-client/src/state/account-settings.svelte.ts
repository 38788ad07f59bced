/**
 * What the account keeps for this client, the same on all devices: small values by key. Kept in this browser too, for
 * the first paint; what was changed without a connection is sent when there is one. What a key means is said by those
 * who use it (`settings`, `notifications`).
 */
import { SvelteMap } from "svelte/reactivity";
import type { Client, Failure } from "../protocol/api";
import { personal } from "./storage";
import { codeOf, isTransient } from "./transient";

type Values = Record<string, unknown>;

const KEY = "account-settings";
/** Other clients of the person have keys of their own. */
const PREFIX = "web.";
const AGAIN_AFTER_MS = 5000;

interface Parts {
  client: Client;
  /** The server has said what it keeps, and what is only here can be added. */
  answered?: () => void;
  /** Keys that mean nothing any more, and make room for others when the account is full. */
  outdated?: () => Iterable<string>;
  /** The account does not keep something, which is as it was before. */
  refused?: () => void;
}

export class AccountSettings {
  readonly #parts: Parts;
  /** As the server has them. */
  #stored: Values = {};
  /** Changed here and not confirmed; null removes. */
  #unsent: Values = {};
  readonly #shown = new SvelteMap<string, unknown>();
  #known = $state(false);
  #current = $state(false);
  #sending = false;
  /** One key after the other, because one of them was refused. */
  #singly = false;
  /** Of what was refused, once for all that is sent together. */
  #told = false;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client } = parts;
    this.load();
    client.on("ready", () => void this.#ask());
    client.on("settings:updated", ({ settings }) => this.#heard(settings));
    window.addEventListener("storage", (event) => {
      if (event.key?.endsWith(KEY)) this.load();
    });
  }

  /** The server has said what it keeps, now or at an earlier visit. */
  get known(): boolean {
    return this.#known;
  }

  /** The server has said what it keeps since this page was opened. */
  get current(): boolean {
    return this.#current;
  }

  /** Undefined if nothing is kept. Reactive. */
  get(key: string): unknown {
    return this.#shown.get(PREFIX + key);
  }

  /** Keys that begin like this, without what they begin with. Reactive. */
  *under(prefix: string): Iterable<[string, unknown]> {
    for (const [key, value] of this.#shown) {
      if (key.startsWith(PREFIX + prefix)) yield [key.slice(PREFIX.length + prefix.length), value];
    }
  }

  /** Null removes. Holds at once; the server is told as soon as it can be. */
  set(key: string, value: unknown): void {
    this.#unsent[PREFIX + key] = value;
    this.#keep();
    // Who changes much at once waits as long as the server has asked for.
    if (this.#again === undefined) void this.#send();
  }

  load(): void {
    const kept = personal.read<{ stored?: Values; unsent?: Values } | null>(KEY, null);
    this.#stored = kept?.stored ?? {};
    this.#unsent = kept?.unsent ?? {};
    this.#known = kept?.stored !== undefined;
    this.#show();
  }

  /** Of somebody else now: what they have is loaded by `load`. */
  clear(): void {
    this.#stopWaiting();
    this.#singly = this.#told = false;
    this.#current = false;
    this.load();
  }

  async #ask(): Promise<void> {
    try {
      this.#heard((await this.#parts.client.request("settings:get", {})).settings);
    } catch (error) {
      return this.#later(error, () => void this.#ask());
    }
    this.#parts.answered?.();
    await this.#send();
  }

  #heard(settings: Values): void {
    this.#stored = Object.fromEntries(Object.entries(settings).filter(([key]) => key.startsWith(PREFIX)));
    this.#known = true;
    this.#current = true;
    this.#keep();
  }

  async #send(): Promise<void> {
    if (this.#sending || !this.#known) return;
    const sent = this.#next();
    if (!sent) return;
    this.#sending = true;
    try {
      const { settings } = await this.#parts.client.request("settings:update", { settings: sent });
      this.#forget(sent);
      this.#heard(settings);
    } catch (error) {
      if (isTransient(error)) return this.#later(error, () => void this.#send());
      this.#refused(sent, error);
    } finally {
      this.#sending = false;
    }
    await this.#send();
  }

  /** What is sent next; null if there is nothing. Removing comes first, it makes room. */
  #next(): Values | null {
    const unsent = Object.entries(this.#unsent);
    const [first] = unsent;
    if (!first) this.#singly = this.#told = false;
    if (!first || !this.#singly) return first ? Object.fromEntries(unsent) : null;
    const removed = unsent.filter(([, value]) => value === null);
    return Object.fromEntries(removed.length > 0 ? removed : [first]);
  }

  /** First without what nobody needs any more, then key by key: only what the account cannot take is taken back. */
  #refused(sent: Values, error: unknown): void {
    const full = codeOf(error) === "too_large";
    const outdated = full ? this.#outdated() : [];
    if (outdated.length > 0) {
      for (const key of outdated) this.#unsent[key] = null;
    } else if (Object.keys(sent).length > 1 && !this.#singly) {
      this.#singly = true;
    } else {
      console.warn("settings are not kept", error);
      this.#forget(sent);
      if (!this.#told) this.#parts.refused?.();
      this.#told = true;
    }
    this.#keep();
  }

  #outdated(): string[] {
    const keys = [...(this.#parts.outdated?.() ?? [])].map((key) => PREFIX + key);
    return keys.filter((key) => key in this.#stored && !(key in this.#unsent));
  }

  /** Unless it was changed again meanwhile. */
  #forget(sent: Values): void {
    for (const [key, value] of Object.entries(sent)) {
      if (same(this.#unsent[key], value)) delete this.#unsent[key];
    }
  }

  /** The next `ready` asks by itself. */
  #later(error: unknown, again: () => void): void {
    this.#stopWaiting();
    if (!isTransient(error) || codeOf(error) === "offline") return;
    const { retryAfterMs } = error as Failure;
    this.#again = setTimeout(() => (this.#stopWaiting(), again()), retryAfterMs ?? AGAIN_AFTER_MS);
  }

  #stopWaiting(): void {
    clearTimeout(this.#again);
    this.#again = undefined;
  }

  #keep(): void {
    personal.write(KEY, { ...(this.#known && { stored: this.#stored }), unsent: this.#unsent });
    this.#show();
  }

  #show(): void {
    const values = { ...this.#stored, ...this.#unsent };
    for (const key of this.#shown.keys()) if ((values[key] ?? null) === null) this.#shown.delete(key);
    for (const [key, value] of Object.entries(values)) {
      if (value !== null && !same(this.#shown.get(key), value)) this.#shown.set(key, value);
    }
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
