/**
 * Tells the server how far the reader has read: the newest message seen, at most one request per second and
 * channel, at once when the page is hidden. What could not be told is told after the next `ready`.
 */
import { isTransient } from "./transient";
import { compareIds, newerId } from "../protocol/ids";
import type { Client } from "../protocol/api";
import type { Id } from "../protocol/contract";
import type { ReadStates } from "./timelineDependencies";

const INTERVAL_MS = 1_000;

export class ReadMarker {
  readonly #client: Pick<Client, "request">;
  readonly #reads: ReadStates;
  /** Seen, but not told yet. */
  readonly #seen = new Map<Id, Id>();
  /** Told in vain. */
  readonly #untold = new Map<Id, Id>();
  /** Channels that were told less than a second ago. */
  readonly #resting = new Map<Id, ReturnType<typeof setTimeout>>();
  /** Number of the last request by channel: an answer that was overtaken is not applied. */
  readonly #requests = new Map<Id, number>();

  constructor(client: Pick<Client, "request">, reads: ReadStates) {
    this.#client = client;
    this.#reads = reads;
  }

  seen(channelId: Id, messageId: Id): void {
    const last = this.#reads.lastReadId(channelId);
    if (last !== null && compareIds(messageId, last) <= 0) return;
    this.#seen.set(channelId, newerId(messageId, this.#seen.get(channelId)) ?? messageId);
    this.#reads.assumeRead(channelId, messageId);
    if (!this.#resting.has(channelId)) this.#tellSeen(channelId);
  }

  /** Sets the read state where the reader wants it, also backwards. */
  async set(channelId: Id, messageId: Id): Promise<void> {
    this.#seen.delete(channelId);
    this.#untold.delete(channelId);
    const before = this.#reads.lastReadId(channelId);
    this.#reads.assumeRead(channelId, messageId);
    try {
      await this.#tell(channelId, messageId);
    } catch (error) {
      if (before !== null) this.#reads.assumeRead(channelId, before);
      throw error;
    }
  }

  flush(): void {
    for (const [channelId, messageId] of this.#untold) {
      this.#seen.set(channelId, newerId(messageId, this.#seen.get(channelId)) ?? messageId);
    }
    this.#untold.clear();
    for (const channelId of [...this.#seen.keys()]) this.#tellSeen(channelId);
  }

  clear(): void {
    for (const timer of this.#resting.values()) clearTimeout(timer);
    this.#resting.clear();
    this.#seen.clear();
    this.#untold.clear();
    this.#requests.clear();
  }

  #tellSeen(channelId: Id): void {
    const messageId = this.#seen.get(channelId);
    if (!messageId) return;
    this.#seen.delete(channelId);
    this.#rest(channelId);
    const number = this.#number(channelId);
    this.#tell(channelId, messageId).catch((error: unknown) => {
      const overtaken = this.#number(channelId) !== number + 1;
      if (isTransient(error) && !overtaken) this.#untold.set(channelId, messageId);
    });
  }

  #rest(channelId: Id): void {
    clearTimeout(this.#resting.get(channelId));
    const timer = setTimeout(() => {
      this.#resting.delete(channelId);
      this.#tellSeen(channelId);
    }, INTERVAL_MS);
    this.#resting.set(channelId, timer);
  }

  async #tell(channelId: Id, messageId: Id): Promise<void> {
    const number = this.#number(channelId) + 1;
    this.#requests.set(channelId, number);
    const readState = await this.#client.request("channel:read", { channelId, messageId });
    if (this.#number(channelId) === number && !this.#seen.has(channelId)) this.#reads.apply(readState);
  }

  #number(channelId: Id): number {
    return this.#requests.get(channelId) ?? 0;
  }
}
