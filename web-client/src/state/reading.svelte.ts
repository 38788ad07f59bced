/**
 * Where the reader is in one channel, and is to be taken; what they have read, and where the "new" line stands. Knows
 * the messages only as it is told of them.
 *
 * The read mark moves to a message only if each message of others between the mark and that one has been in view during
 * this visit. However the page came to be where it is (a jump, a link, a message sent, following what arrives behind
 * another window, a connection that was lost): what it passed over stays unread, and the bar leads back there. Only the
 * reader's own word ("mark as read") takes it all.
 *
 * "In view" begins when the channel was opened where the server's read state says (`begin`), and the reader is where
 * they are to be (no `scrollTarget`, no jump on its way): what is painted from the cache before, or on the way, is not
 * what they came for. While messages may be missing inside the window (`whole`), the mark waits.
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
  hasNewer?: boolean | undefined;
}

export class Reading {
  readonly #needs: Needs;
  firstUnreadId: Id | null = $state(null);
  arrivedBelow = $state(0);
  /** While the channel is not open, where it is to be opened. */
  scrollTarget: ScrollTarget | null = $state.raw(null);
  position: Timeline["position"] = null;
  /** Leads back to what is unread, or marks it all read. */
  offersUnread = $state(false);

  /** Opened where the server's read state says. */
  #begun = $state(false);
  /** Jumps whose answers are on their way. */
  #leaving = $state(0);
  #atBottom = true;
  /** The reader is looking at this channel. */
  #present = false;
  /** Behind the read mark and in view during this visit; at most as many as the reader has scrolled through. */
  readonly #seen = new Set<Id>();
  /** "Mark unread" holds until the channel is left. */
  #held = false;
  /** Up to here it was read when that was looked at last. */
  #lastReadId: Id | null = null;
  /** Up to here it was read when all was read: a "new" line before that is history. */
  #doneId: Id | null = null;

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** The message that is being read, or will be; null is the bottom. */
  get anchorId(): Id | null {
    if (this.scrollTarget) return this.scrollTarget.messageId;
    return this.#atBottom ? null : (this.position?.messageId ?? null);
  }

  get lastReadId(): Id | null {
    return this.#needs.reads.lastReadId(this.#needs.channelId);
  }

  get #known(): boolean {
    return this.#needs.reads.knows(this.#needs.channelId);
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** From now on what comes into view is read. */
  get settled(): boolean {
    return this.#begun && this.scrollTarget === null && this.#leaving === 0;
  }

  /** The reader is to be taken elsewhere once that is there: what is in view is not what they came for. */
  async leaving<T>(there: Promise<T>): Promise<T> {
    this.#leaving += 1;
    try {
      return await there;
    } finally {
      this.#leaving -= 1;
    }
  }

  /** Where unread messages begin, or the message before that; null if nothing is unread, as far as is known. */
  unreadFrom(window: Held): Id | null {
    return this.firstUnreadId ?? (this.#beginsAbove(window) ? this.lastReadId : null);
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
    this.#unreadBeginsIn(window);
    // Opened anew during a visit, the line stays where nothing else is new.
    if (this.#begun && this.firstUnreadId === null) this.firstUnreadId = before;
    this.#begun = this.#known;
    this.#lastReadId = this.lastReadId;
    // The cached messages were in the right place, at the end: the reader may be scrolling already.
    if (painted && before === null && !this.offersUnread) return;
    this.aim({ messageId: this.offersUnread ? this.firstUnreadId : null, block: "start" });
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

  jump(messageId: Id): void {
    this.aim({ messageId, block: "center" });
  }

  jumpToPresent(): void {
    this.aim({ messageId: null, block: "start" });
  }

  jumpToUnread(window: Held): void {
    this.offersUnread = false;
    const line = this.firstUnreadId;
    // The message of the line may be deleted, and was read maybe.
    const follows = (each: Message) => !this.#needs.isMine(each) && compareIds(each.id, line!) >= 0;
    const first = line === null ? this.firstUnreadIn(window) : window.messages.find(follows)?.id;
    if (first) this.firstUnreadId = first;
    this.aim({ messageId: first ?? null, block: "start" });
  }

  /** The target is not among these messages. */
  targetMissing({ messages }: Held): void {
    const { firstUnreadId, scrollTarget } = this;
    const another =
      firstUnreadId !== scrollTarget?.messageId && messages.some(({ id }) => id === firstUnreadId);
    this.aim({ messageId: another ? firstUnreadId : null, block: "start" });
  }

  /** Null as well when it may be before these messages. */
  firstUnreadIn(window: Held): Id | null {
    const { lastReadId } = this;
    if (lastReadId === null || !this.#reaches(window, lastReadId)) return null;
    return window.messages.find((each) => this.#isUnread(each))?.id ?? null;
  }

  /** Messages that are new to this client; `live`: just written, not missed. Counts them, and may begin the line. */
  arrived(messages: readonly Message[], { hasNewer }: Held, live: boolean): void {
    const follows = this.#present && this.#atBottom && !hasNewer;
    const watching = live && follows && this.#needs.focused();
    const { lastReadId, firstUnreadId } = this;
    for (const message of messages) {
      if (this.#needs.isMine(message)) continue;
      if (!this.#atBottom || hasNewer) this.arrivedBelow += 1;
      const unread = lastReadId === null || compareIds(message.id, lastReadId) > 0;
      if (!watching && unread) this.#unreadBegins(message.id);
    }
    if (!live && follows && this.#begun && this.firstUnreadId !== firstUnreadId)
      this.aim({ messageId: this.firstUnreadId, block: "start" });
  }

  /** Called while the message is still among the others, if it is there. */
  deleted(messageId: Id, window: Held): void {
    const { messages } = window;
    const index = indexOf(messages, messageId);
    if (messages[index]?.id !== messageId) return;
    const beside = (messages[index + 1] ?? messages[index - 1])?.id ?? null;
    if (this.firstUnreadId === messageId) this.#lineDeleted(messages.slice(index + 1), window);
    if (this.position?.messageId === messageId)
      this.position = beside === null ? null : { ...this.position, messageId: beside };
    if (this.scrollTarget?.messageId === messageId)
      this.scrollTarget = { ...this.scrollTarget, messageId: beside };
  }

  #lineDeleted(following: readonly Message[], { hasNewer }: Held): void {
    const next = following.find((each) => !this.#needs.isMine(each))?.id;
    // Where it cannot be known, the line stays where the message was.
    if (next || !hasNewer) this.firstUnreadId = next ?? null;
    if (this.firstUnreadId === null) this.offersUnread = false;
  }

  /** From the "new" line on, or all that follows what was read. */
  unreadIn(window: Held): Message[] {
    const { firstUnreadId } = this;
    if (firstUnreadId === null)
      return this.#beginsAbove(window) ? window.messages.filter((each) => this.#isUnread(each)) : [];
    const unread = window.messages.slice(indexOf(window.messages, firstUnreadId));
    return unread.filter((message) => !this.#needs.isMine(message));
  }

  /** These rows, and those between them, are in view. True: something before them was not, which the bar tells now. */
  seen(newestId: Id, oldestId: Id, window: Held, whole: boolean): boolean {
    this.#present = true;
    if (!this.settled || this.#held) return false;
    const { messages } = window;
    const from = indexOf(messages, oldestId);
    const inView = messages.slice(from, indexOf(messages, newestId) + 1);
    for (const message of inView) if (this.#isUnread(message)) this.#seen.add(message.id);
    this.advance(window, whole);
    return whole && inView.some((message) => this.#isUnread(message)) && this.#passedOver(window);
  }

  /** Moves the read mark as far as it may be. */
  advance(window: Held, whole: boolean): void {
    if (!this.settled || this.#held || !whole || !this.#known) return;
    const readTo = this.#readTo(window);
    if (readTo === null) return;
    this.#needs.reads.seen(this.#needs.channelId, readTo);
    this.#lastReadId = this.lastReadId;
    if (!window.hasNewer && readTo === window.messages.at(-1)?.id) this.#doneId = readTo;
  }

  /** The last message before the first one that was not in view. */
  #readTo(window: Held): Id | null {
    const { messages } = window;
    const lastReadId = this.lastReadId ?? "0";
    if (!this.#reaches(window, lastReadId)) return null;
    let readTo: Id | null = null;
    for (const message of messages.slice(indexOf(messages, lastReadId))) {
      if (this.#isUnread(message) && !this.#seen.has(message.id)) break;
      readTo = message.id;
    }
    return readTo;
  }

  /** Something is in view, and something before it was not. False if that is told already. */
  #passedOver(window: Held): boolean {
    const { firstUnreadId, offersUnread } = this;
    const first = this.firstUnreadIn(window);
    if (first !== null) this.#unreadBegins(first);
    this.offersUnread = true;
    return !offersUnread || this.firstUnreadId !== firstUnreadId;
  }

  atBottom(value: boolean, tailAttached: boolean): void {
    this.#present = true;
    // Not there yet.
    if (this.scrollTarget !== null) return;
    this.#atBottom = value;
    if (value && tailAttached) this.arrivedBelow = 0;
  }

  /** The channel is open, and something else is in front of it (the lists, on a phone). */
  covered(): void {
    this.#present = false;
    if (this.scrollTarget === null) this.#opensNext();
  }

  /**
   * What is still unread is so at the next visit, which begins there if the reader was not reading further up. True: it
   * has to be opened anew to show where that is.
   */
  left(window: Held): boolean {
    this.#present = false;
    if (this.#held) this.position = null;
    this.#held = false;
    this.#seen.clear();
    this.arrivedBelow = 0;
    this.#unreadBeginsIn(window);
    this.#opensNext();
    this.#needs.reads.flush();
    return this.position === null && this.#begun && this.#beginsAbove(window);
  }

  /** The reader has marked all of it read: nothing is new any more. */
  done(): void {
    this.#held = false;
    this.firstUnreadId = null;
    this.offersUnread = false;
    this.#lastReadId = this.lastReadId;
    this.#doneId = this.lastReadId;
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
    this.#unreadBeginsIn(window);
    this.#opensNext();
    return false;
  }

  /** Resolves when the server knows; taken back if it refuses. */
  async markUnreadFrom(messageId: Id): Promise<void> {
    const before = { firstUnreadId: this.firstUnreadId, held: this.#held };
    this.firstUnreadId = messageId;
    this.#held = true;
    this.#seen.clear();
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

  #setBack(window: Held): boolean {
    this.#seen.clear();
    this.#doneId = null;
    this.#unreadBeginsIn(window);
    if (this.#present) {
      this.#held = true;
      return false;
    }
    this.position = null;
    this.#opensNext();
    return this.firstUnreadId === null;
  }

  /** While the channel is not open: where it was being read, else where something new begins, else the end. */
  #opensNext(): void {
    const { position, firstUnreadId, lastReadId } = this;
    this.#atBottom = position === null;
    const isNew =
      firstUnreadId !== null && (lastReadId === null || compareIds(firstUnreadId, lastReadId) > 0);
    const elsewhere = { messageId: isNew ? firstUnreadId : null };
    this.scrollTarget = { block: "start", ...(position ?? elsewhere) };
  }

  #unreadBeginsIn(window: Held): void {
    this.firstUnreadId = this.firstUnreadIn(window);
    this.offersUnread = this.firstUnreadId !== null || this.#beginsAbove(window);
  }

  /** Keeps the line where there is one, and something behind it is unread. */
  #unreadBegins(messageId: Id): void {
    const line = this.firstUnreadId;
    if (line !== null && (this.#doneId === null || compareIds(line, this.#doneId) > 0)) return;
    this.firstUnreadId = messageId;
    this.offersUnread = true;
    if (!this.#present && this.position === null && this.#begun) this.#opensNext();
  }

  #isUnread(message: Message): boolean {
    const { lastReadId } = this;
    return !this.#needs.isMine(message) && (lastReadId === null || compareIds(message.id, lastReadId) > 0);
  }

  /** Nothing lies between what was read and these messages. */
  #reaches({ messages, hasOlder }: Held, lastReadId: Id): boolean {
    const first = messages[0];
    return first !== undefined && (!hasOlder || compareIds(first.id, lastReadId) <= 0);
  }

  /** Messages before these have not been read, or may not have been. */
  #beginsAbove(window: Held): boolean {
    const { lastReadId } = this;
    return lastReadId !== null && window.messages.length > 0 && !this.#reaches(window, lastReadId);
  }
}
