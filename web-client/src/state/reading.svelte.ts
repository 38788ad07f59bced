/**
 * Where the reader is in one channel, and is to be taken; what they have read, and where the "new" line stands. Knows
 * the messages only as it is told of them.
 */
import { compareIds } from "../protocol/ids";
import type { Id, Message } from "../protocol/contract";
import type { ScrollTarget, Timeline } from "./api";
import type { ReadMarker } from "./readMarker";
import type { ReadStates } from "./timelineDependencies";
import { indexOf } from "./window";

interface Needs {
  channelId: Id;
  reads: ReadStates;
  marker: ReadMarker;
  focused: () => boolean;
  isMine: (message: Message) => boolean;
}

/** As much of a window or page as is looked at here. */
interface Held {
  messages: readonly Message[];
  hasOlder?: boolean | undefined;
}

export class Reading {
  readonly #needs: Needs;
  firstUnreadId: Id | null = $state(null);
  arrivedBelow = $state(0);
  scrollTarget: ScrollTarget | null = $state.raw(null);
  position: Timeline["position"] = null;

  #atBottom = true;
  /** The reader is looking at this channel. */
  #present = false;
  #lastSeenId: Id | null = null;
  /** "Mark unread" holds until the channel is left. */
  #held = false;

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** The message that is being read; null is the bottom. */
  get anchorId(): Id | null {
    return this.#atBottom ? null : (this.position?.messageId ?? this.#lastSeenId);
  }

  get lastReadId(): Id | null {
    return this.#needs.reads.lastReadId(this.#needs.channelId);
  }

  /** Opens at the first unread message, or at the bottom. */
  begin(window: Held, painted: boolean): void {
    const before = this.firstUnreadId;
    this.firstUnreadId ??= this.firstUnreadIn(window);
    // The cached messages were in the right place: the reader may be scrolling already.
    if (painted && this.firstUnreadId === before) return;
    this.aim({ messageId: this.firstUnreadId, block: "start" });
  }

  aim(target: ScrollTarget): void {
    this.#atBottom = target.messageId === null;
    if (this.#atBottom) this.arrivedBelow = 0;
    this.scrollTarget = target;
  }

  /** Null as well when it may be before these messages. */
  firstUnreadIn({ messages, hasOlder }: Held): Id | null {
    const [lastReadId, held] = [this.lastReadId, messages[0]];
    if (lastReadId === null || !held || (hasOlder && compareIds(held.id, lastReadId) > 0)) return null;
    const { isMine } = this.#needs;
    return messages.find((each) => compareIds(each.id, lastReadId) > 0 && !isMine(each))?.id ?? null;
  }

  /** Counts arrivals for the pill, and starts the "new" line when the reader is not watching. */
  arrived(messages: readonly Message[], hasNewer: boolean): void {
    const watching = this.#present && this.#atBottom && !hasNewer && this.#needs.focused();
    const { lastReadId } = this;
    for (const message of messages) {
      if (this.#needs.isMine(message)) continue;
      if (!this.#atBottom || hasNewer) this.arrivedBelow += 1;
      const unread = lastReadId === null || compareIds(message.id, lastReadId) > 0;
      if (!watching && unread && this.firstUnreadId === null) this.#unreadBegins(message.id);
    }
  }

  /** Called while the message is still among the others. */
  deleted(messageId: Id, messages: readonly Message[]): void {
    if (this.firstUnreadId !== messageId) return;
    const following = messages.slice(indexOf(messages, messageId) + 1);
    this.firstUnreadId = following.find((each) => !this.#needs.isMine(each))?.id ?? null;
  }

  countUnread(messages: readonly Message[]): number {
    if (this.firstUnreadId === null) return 0;
    const unread = messages.slice(indexOf(messages, this.firstUnreadId));
    return unread.filter((message) => !this.#needs.isMine(message)).length;
  }

  seen(messageId: Id): void {
    this.#present = true;
    this.#lastSeenId = messageId;
    this.markRead(messageId);
  }

  markRead(messageId: Id): void {
    if (!this.#held) this.#needs.marker.seen(this.#needs.channelId, messageId);
  }

  atBottom(value: boolean, tailAttached: boolean): void {
    this.#present = true;
    this.#atBottom = value;
    if (value && tailAttached) this.arrivedBelow = 0;
  }

  left(): void {
    this.#present = false;
    this.#held = false;
    this.arrivedBelow = 0;
    this.firstUnreadId = null;
    this.scrollTarget = null;
    this.#needs.marker.flush();
  }

  /** Read here or elsewhere. While the channel is open the "new" line stays. */
  readStateChanged(window: Held): void {
    const [lastReadId, firstUnreadId] = [this.lastReadId, this.firstUnreadId];
    if (this.#present || firstUnreadId === null || lastReadId === null) return;
    if (compareIds(lastReadId, firstUnreadId) < 0) return;
    this.firstUnreadId = this.firstUnreadIn(window);
    if (this.firstUnreadId === null) this.scrollTarget = null;
  }

  /** Resolves when the server knows; taken back if it refuses. */
  async markUnreadFrom(messageId: Id): Promise<void> {
    const before = { firstUnreadId: this.firstUnreadId, held: this.#held };
    this.firstUnreadId = messageId;
    this.#held = true;
    try {
      await this.#needs.marker.set(this.#needs.channelId, String(BigInt(messageId) - 1n));
    } catch (error) {
      this.firstUnreadId = before.firstUnreadId;
      this.#held = before.held;
      throw error;
    }
  }

  #unreadBegins(messageId: Id): void {
    this.firstUnreadId = messageId;
    const opensThere = !this.#present && this.position === null && this.scrollTarget === null;
    if (opensThere) this.scrollTarget = { messageId, block: "start" };
  }
}
