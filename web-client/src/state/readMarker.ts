/**
 * Tells the server how far the reader has read: at most one request per second and channel, at once when the page is
 * hidden. How far that is, it asks at the moment of telling; what could not be told is told after the next `ready`, and
 * nothing before it: another device may have set the channel back meanwhile.
 */
import { codeOf, isTransient } from "./transient";
import type { Client } from "../protocol/api";
import type { Id, ReadState } from "../protocol/contract";

const INTERVAL_MS = 1_000;

interface Needs {
  client: Pick<Client, "request" | "connection">;
  /** What the server does not know yet; null if it knows all. */
  untold: (channelId: Id) => Id | null;
  answered: (readState: ReadState) => void;
  /** Not for now, but for good. */
  refused: (channelId: Id) => void;
}

export class ReadMarker {
  readonly #needs: Needs;
  readonly #due = new Set<Id>();
  /** Channels that were told less than a second ago. */
  readonly #resting = new Map<Id, ReturnType<typeof setTimeout>>();
  /** Number of the last request by channel: an answer that was overtaken is not applied. */
  readonly #requests = new Map<Id, number>();
  /** Told, and the push of it has not come by. Oldest first. */
  readonly #echoes = new Map<Id, Id[]>();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  soon(channelId: Id): void {
    this.#due.add(channelId);
    if (!this.#resting.has(channelId)) this.#tell(channelId);
  }

  /** After a second, because somebody else may be telling it. */
  later(channelId: Id): void {
    this.#due.add(channelId);
    if (!this.#resting.has(channelId)) this.#rest(channelId);
  }

  flush(): void {
    for (const channelId of [...this.#due]) this.#tell(channelId);
  }

  /** Where the reader wants it, also backwards. */
  set(channelId: Id, messageId: Id): Promise<void> {
    this.#due.delete(channelId);
    return this.#request(channelId, messageId);
  }

  /** Whether a push is only the echo of a request of this page, and a later one of these is on its way. */
  overtook({ channelId, lastReadId }: ReadState): boolean {
    const told = this.#echoes.get(channelId) ?? [];
    const index = lastReadId === null ? -1 : told.indexOf(lastReadId);
    told.splice(0, index + 1);
    return index >= 0 && told.length > 0;
  }

  /** Another connection: pushes of the one before do not come any more. */
  connected(): void {
    this.#echoes.clear();
  }

  forget(channelId: Id): void {
    clearTimeout(this.#resting.get(channelId));
    for (const known of [this.#resting, this.#requests, this.#echoes]) known.delete(channelId);
    this.#due.delete(channelId);
  }

  #tell(channelId: Id): void {
    const { state } = this.#needs.client.connection;
    if (state !== "online" && state !== "draining") return;
    this.#due.delete(channelId);
    const messageId = this.#needs.untold(channelId);
    if (messageId === null) return;
    this.#rest(channelId);
    this.#request(channelId, messageId).catch((error: unknown) => {
      if (!isTransient(error)) return this.#needs.refused(channelId);
      // Offline it waits for `ready`, which asks for it.
      if (codeOf(error) === "offline") return;
      this.#due.add(channelId);
      this.#rest(channelId, (error as { retryAfterMs?: number }).retryAfterMs);
    });
  }

  #rest(channelId: Id, waitMs = INTERVAL_MS): void {
    clearTimeout(this.#resting.get(channelId));
    const timer = setTimeout(() => {
      this.#resting.delete(channelId);
      if (this.#due.has(channelId)) this.#tell(channelId);
    }, waitMs);
    this.#resting.set(channelId, timer);
  }

  async #request(channelId: Id, messageId: Id): Promise<void> {
    const number = (this.#requests.get(channelId) ?? 0) + 1;
    this.#requests.set(channelId, number);
    const echoes = this.#echoes.get(channelId) ?? [];
    this.#echoes.set(channelId, echoes);
    echoes.push(messageId);
    try {
      const readState = await this.#needs.client.request("channel:read", { channelId, messageId });
      if (this.#requests.get(channelId) === number) this.#needs.answered(readState);
    } catch (error) {
      const index = echoes.indexOf(messageId);
      if (index >= 0) echoes.splice(index, 1);
      throw error;
    }
  }
}
