/**
 * Own messages on their way through the outbox. The row of one keeps its key when the message takes its place, by
 * answer or by push, and is never there twice.
 */
import type { OutboxEntry } from "../protocol/api";
import type { Id, Message } from "../protocol/contract";

export class PendingRows {
  #entries: readonly OutboxEntry[] = [];
  /** Nonces of the messages that have been pending here. */
  readonly #nonces = new Map<Id, string>();
  readonly #arrived = new Set<string>();

  /** False if there were and are none. */
  set(entries: readonly OutboxEntry[]): boolean {
    if (entries.length === 0 && this.#entries.length === 0) return false;
    // Copies, because the outbox may change its own.
    this.#entries = entries.map((entry) => ({ ...entry }));
    return true;
  }

  /** Those without a message yet. */
  get waiting(): readonly OutboxEntry[] {
    return this.#entries.filter(({ nonce }) => !this.#arrived.has(nonce));
  }

  keyOf = (message: Message): string => this.#nonces.get(message.id) ?? message.id;

  /** A message of the reader has arrived; it may be one of these. */
  claim({ id, nonce }: Message): void {
    if (nonce && this.#entries.some((entry) => entry.nonce === nonce)) this.sent(nonce, id);
  }

  sent(nonce: string, messageId: Id): void {
    this.#nonces.set(messageId, nonce);
    this.#arrived.add(nonce);
  }

  clear(): void {
    this.#nonces.clear();
    this.#arrived.clear();
  }
}
