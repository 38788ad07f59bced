/**
 * Where the reader is in one channel, and is to be taken; what they have read, and where the "new" line stands. Knows
 * the messages only as it is told of them.
 *
 * Nothing counts as read until the channel was opened where the server's read state says (`begin`) and the reader is
 * there: what is painted from the cache before is not what they came for.
 */
import { compareIds } from "../protocol/ids";
import type { Id, Message } from "../protocol/contract";
import type { ScrollTarget, Timeline } from "./api";
import { idBefore, isSetBack } from "./read-states";
import type { ReadStates } from "./timelineDependencies";
import { indexOf } from "./window";

interface Needs {
  channelId: Id;
  reads: ReadStates;
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
  /** Leads back to the "new" line, or marks it all read. */
  offersUnread = $state(false);

  /** Opened where the server's read state says. */
  #begun = $state(false);
  #atBottom = true;
  /** The reader is looking at this channel. */
  #present = false;
  #lastSeenId: Id | null = null;
  /** "Mark unread" holds until the channel is left. */
  #held = false;
  /** Up to here it was read when that was looked at last. */
  #lastReadId: Id | null = null;
  /** The reader jumped over unread messages, and has not scrolled to the end since. */
  #jumped = false;
  #leftEnd = false;

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

  get begun(): boolean {
    return this.#begun;
  }

  /** From now on what comes into view is read. */
  get settled(): boolean {
    return this.#begun && this.scrollTarget === null;
  }

  /** Where messages of the cache seem to begin, until those of the server are there: nothing of them is read. */
  guess(window: Held): void {
    this.firstUnreadId = this.firstUnreadIn(window);
    this.offersUnread = this.firstUnreadId !== null;
    this.aim({ messageId: this.firstUnreadId, block: "start" });
  }

  /** Opens at the first unread message, or at the bottom. `painted`: there were messages of the cache already. */
  begin(window: Held, painted: boolean): void {
    const before = this.firstUnreadId;
    this.firstUnreadId = this.firstUnreadIn(window);
    this.offersUnread = this.firstUnreadId !== null;
    this.#begun = this.#needs.reads.known;
    this.#lastReadId = this.lastReadId;
    // The cached messages were in the right place, at the end: the reader may be scrolling already.
    if (painted && before === null && this.firstUnreadId === null) return;
    this.aim({ messageId: this.firstUnreadId, block: "start" });
  }

  /** The channel is to be opened anew: `begin` follows. */
  restart(): void {
    this.#begun = false;
    this.firstUnreadId = null;
  }

  aim(target: ScrollTarget): void {
    this.#atBottom = target.messageId === null;
    if (this.#atBottom) this.arrivedBelow = 0;
    this.scrollTarget = target;
  }

  /** To a message, maybe over others that were not read: these stay so. */
  jump(messageId: Id): void {
    this.#jumped = true;
    this.#leftEnd = false;
    this.aim({ messageId, block: "center" });
  }

  jumpToPresent(): void {
    this.#jumped = false;
    this.aim({ messageId: null, block: "start" });
  }

  jumpToUnread(messageId: Id): void {
    this.offersUnread = false;
    this.aim({ messageId, block: "start" });
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

  /** From the "new" line on. */
  unreadIn(messages: readonly Message[]): Message[] {
    if (this.firstUnreadId === null) return [];
    const unread = messages.slice(indexOf(messages, this.firstUnreadId));
    return unread.filter((message) => !this.#needs.isMine(message));
  }

  /** These rows, and those between them, are in view. */
  seen(newestId: Id, oldestId: Id, window: Held): void {
    this.#present = true;
    this.#lastSeenId = newestId;
    if (!this.settled || this.#held) return;
    if (this.#jumped) this.#jumped = this.#skips(oldestId, window);
    if (this.#jumped) return;
    this.#needs.reads.seen(this.#needs.channelId, newestId);
    this.#lastReadId = this.lastReadId;
  }

  atBottom(value: boolean, tailAttached: boolean): void {
    this.#present = true;
    // Not there yet.
    if (this.scrollTarget !== null) return;
    this.#atBottom = value;
    if (!value) this.#leftEnd = true;
    if (!value || !tailAttached) return;
    this.arrivedBelow = 0;
    // Scrolled to the end: what the jump left out is done with.
    if (this.#leftEnd) this.#jumped = false;
  }

  /** The channel is open, and something else is in front of it (the lists, on a phone). */
  covered(): void {
    this.#present = false;
  }

  /** What is still unread is so at the next visit, which begins there if the reader was not reading it. */
  left(window: Held): void {
    const begins = this.#held || this.position === null;
    this.#present = false;
    this.#held = false;
    this.arrivedBelow = 0;
    this.scrollTarget = null;
    this.firstUnreadId = this.firstUnreadIn(window);
    this.offersUnread = this.firstUnreadId !== null;
    if (this.firstUnreadId !== null && begins) this.aim({ messageId: this.firstUnreadId, block: "start" });
    this.#needs.reads.flush();
  }

  /** The reader has marked all of it read: nothing is new any more. */
  done(): void {
    this.#held = false;
    this.#jumped = false;
    this.firstUnreadId = null;
    this.offersUnread = false;
    this.#lastReadId = this.lastReadId;
  }

  /**
   * Read here or elsewhere. While the channel is open the "new" line stays, and what was set back elsewhere stays
   * unread until it is left. True: it has to be opened anew to show where unread messages begin.
   */
  readStateChanged(window: Held): boolean {
    const { lastReadId } = this;
    const setBack = isSetBack(this.#lastReadId, lastReadId);
    this.#lastReadId = lastReadId;
    if (!this.#begun) return false;
    if (setBack) return this.#setBack(window);
    const { firstUnreadId } = this;
    if (this.#present || firstUnreadId === null || lastReadId === null) return false;
    if (compareIds(lastReadId, firstUnreadId) < 0) return false;
    this.firstUnreadId = this.firstUnreadIn(window);
    if (this.firstUnreadId === null) {
      this.scrollTarget = null;
      this.offersUnread = false;
    }
    return false;
  }

  /** Resolves when the server knows; taken back if it refuses. */
  async markUnreadFrom(messageId: Id): Promise<void> {
    const before = { firstUnreadId: this.firstUnreadId, held: this.#held };
    this.firstUnreadId = messageId;
    this.#held = true;
    try {
      const told = this.#needs.reads.setBack(this.#needs.channelId, idBefore(messageId));
      this.#lastReadId = this.lastReadId;
      await told;
    } catch (error) {
      this.firstUnreadId = before.firstUnreadId;
      this.#held = before.held;
      throw error;
    }
  }

  /** Whether unread messages lie between what was read and this one, as far as is known. */
  #skips(oldestId: Id, { messages, hasOlder }: Held): boolean {
    const [{ lastReadId }, first] = [this, messages[0]];
    if (lastReadId === null || !first) return true;
    if (compareIds(oldestId, lastReadId) <= 0) return false;
    if (hasOlder && compareIds(first.id, lastReadId) > 0) return true;
    const between = messages.slice(indexOf(messages, lastReadId), indexOf(messages, oldestId));
    return between.some((each) => each.id !== lastReadId && !this.#needs.isMine(each));
  }

  #setBack(window: Held): boolean {
    this.firstUnreadId = this.firstUnreadIn(window);
    this.offersUnread = this.firstUnreadId !== null;
    if (this.#present) {
      this.#held = true;
      return false;
    }
    if (this.firstUnreadId === null) return true;
    this.aim({ messageId: this.firstUnreadId, block: "start" });
    return false;
  }

  #unreadBegins(messageId: Id): void {
    this.firstUnreadId = messageId;
    this.offersUnread = true;
    const opensThere = !this.#present && this.position === null && this.scrollTarget === null;
    if (opensThere) this.scrollTarget = { messageId, block: "start" };
  }
}
