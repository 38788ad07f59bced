/** Who is typing where. Telling others that the reader types is the composer's. */
import { SvelteMap } from "svelte/reactivity";
import type { Client } from "../protocol/api";
import type { Id } from "../protocol/contract";
import type { Typing } from "./api";
import { isOpen } from "./connection.svelte";
import { ended, expired, nextExpiry, started, type Typists } from "./typing";

const NOBODY: Typists = new Map();

export class TypingState implements Typing {
  readonly #typists = new Map<Id, Typists>();
  readonly #shown = new SvelteMap<Id, readonly Id[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client, meId: () => Id | null) {
    client.on("typing:started", ({ channelId, userId }) => {
      if (userId !== meId()) this.#change(channelId, (typists) => started(typists, userId, Date.now()));
    });
    client.on("message:created", ({ channelId, author }) => {
      this.#change(channelId, (typists) => ended(typists, author.id));
    });
    // Nobody would say that they have stopped.
    client.on("connection", (info) => void (isOpen(info) || this.clear()));
  }

  in(channelId: Id): readonly Id[] {
    return this.#shown.get(channelId) ?? [];
  }

  clear(): void {
    this.#typists.clear();
    this.#shown.clear();
    clearTimeout(this.#timer);
  }

  #change(channelId: Id, change: (typists: Typists) => Typists): void {
    const before = this.#typists.get(channelId) ?? NOBODY;
    const after = change(before);
    if (after === before) return;
    if (after.size === 0) this.#typists.delete(channelId);
    else this.#typists.set(channelId, after);
    this.#show(channelId, [...after.keys()]);
    this.#schedule();
  }

  /** Most changes only say that somebody types on; those repaint nothing. */
  #show(channelId: Id, userIds: Id[]): void {
    const shown = this.#shown.get(channelId);
    if (shown?.join() === userIds.join()) return;
    if (userIds.length === 0) this.#shown.delete(channelId);
    else this.#shown.set(channelId, userIds);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const next = nextExpiry(this.#typists.values());
    if (next !== null) this.#timer = setTimeout(() => this.#expire(), Math.max(0, next - Date.now()));
  }

  #expire(): void {
    const now = Date.now();
    for (const channelId of [...this.#typists.keys()])
      this.#change(channelId, (typists) => expired(typists, now));
    this.#schedule();
  }
}
