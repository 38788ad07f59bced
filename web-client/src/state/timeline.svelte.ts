/**
 * One channel's timeline: a bounded window of its history that is kept up to date by pushes, answers and
 * `session:sync`, with the pending messages of the outbox behind it.
 *
 * It neither listens to the client nor knows other channels (`Timelines` does), and never touches the DOM: where to
 * scroll is said by `scrollTarget`.
 */
import type { OutboxEntry } from "../protocol/api";
import { compareIds, newerId } from "../protocol/ids";
import type { Id, Message, SyncResult, User } from "../protocol/contract";
import type * as api from "./api";
import { History, type Cursor, type Meanwhile, type Page } from "./history";
import type { Push } from "./push";
import { ReactionIntents, withReaction } from "./reactions";
import type { ReadMarker } from "./readMarker";
import { buildRows } from "./rows";
import type { TimelineDependencies } from "./timelineDependencies";
import { codeOf, isGone, isTransient } from "./transient";
import * as windows from "./window";

const HIGHLIGHT_MS = 2_000;
const CACHE_WAIT_MS = 1_500;
/** Before a page that failed is asked for again; offline it waits for `ready` instead. */
const RETRY_MS = 2_000;
/** What is left when arriving messages have filled the window: not one row is dropped for each that arrives. */
const KEPT_MESSAGES = 200;
const REFETCH_PAGE = 100;
/** A message that changes all the time is not asked for all the time. */
const REFETCH_ROUNDS = 3;

type Direction = "older" | "newer";

/** What all timelines have in common. */
export interface Shared {
  app: TimelineDependencies;
  marker: ReadMarker;
  focused: () => boolean;
  settlePushes: () => void;
}

export class Timeline implements api.Timeline {
  readonly channelId: Id;
  readonly #app: TimelineDependencies;
  readonly #shared: Shared;
  readonly #history: History;
  readonly #intents: ReactionIntents;

  state: api.Timeline["state"] = $state("loading");
  rows: readonly api.Row[] = $state.raw([]);
  hasOlder = $state(false);
  hasNewer = $state(false);
  loadingOlder = $state(false);
  loadingNewer = $state(false);
  arrivedBelow = $state(0);
  firstUnreadId: Id | null = $state(null);
  unreadCount = $state(0);
  highlightedId: Id | null = $state(null);
  scrollTarget: api.ScrollTarget | null = $state.raw(null);
  position: api.Timeline["position"] = null;

  #window = windows.EMPTY;
  /** The window is the server's, not the cache's. */
  #loaded = false;
  /** What was cached, until it is shown. */
  #cached: readonly Message[] = [];
  #unreachable = false;
  /** Counts replacements of the window: answers for an earlier window are dropped. */
  #generation = 0;
  #replacing = false;
  /** Something was missed that could not be read yet. */
  #stale = false;
  readonly #interrupted = new Set<Direction>();
  #newestKnown: Id | null = null;
  #syncing: Meanwhile | null = null;

  #pending: readonly OutboxEntry[] = [];
  /** Keys of own messages that have been pending here. */
  #keys = new Map<Id, string>();
  #rowsByKey = new Map<string, api.Row>();

  #atBottom = true;
  /** The reader is looking at this channel. */
  #present = false;
  #lastSeenId: Id | null = null;
  /** "Mark unread" holds until the channel is left. */
  #readHeld = false;

  #timers = new Map<"highlight" | "cache" | Direction, ReturnType<typeof setTimeout>>();
  #saved: readonly Message[] = [];

  constructor(channelId: Id, shared: Shared) {
    this.channelId = channelId;
    this.#app = shared.app;
    this.#shared = shared;
    this.#history = new History(channelId, shared.app.client, shared.settlePushes);
    this.#intents = new ReactionIntents({
      client: shared.app.client,
      channelId,
      changed: () => this.#draw(),
      accepted: (messageId, emoji, present) => {
        this.#history.touched(messageId);
        this.#change(messageId, (message) => withReaction(message, emoji, true, present));
      },
    });
    // Not at once: it may be made while Svelte computes, and a jump may come first.
    queueMicrotask(() => {
      if (this.#generation === 0) void this.#open();
    });
  }

  get tailAttached(): boolean {
    return this.state === "ready" && !this.hasNewer;
  }

  // Loading

  async #open(): Promise<void> {
    if (this.state !== "ready") this.state = "loading";
    const lastRead = this.#app.reads.lastReadId(this.channelId);
    void this.#readCache(lastRead);
    try {
      const unread = lastRead !== null && compareIds(this.#lastMessageId() ?? "0", lastRead) > 0;
      const atUnread = (page: Page) => !page.hasNewer || this.#firstUnreadIn(page) !== null;
      // All that was not read there may be one's own, or deleted: then it is the bottom after all.
      if (unread && (await this.#replaceBy({ around: lastRead }, atUnread)) !== "refused") return;
      await this.#replaceBy({ newest: true });
    } catch (error) {
      this.#openFailed(error);
    }
  }

  #openFailed(error: unknown): void {
    this.#unreachable = true;
    if (isGone(error)) this.gone();
    else if (this.#cached.length > 0) this.#paintCached();
    else if (this.state === "ready") return;
    else if (codeOf(error) === "offline" && this.#app.client.connection.state !== "offline") return;
    else this.state = "failed";
  }

  async #readCache(lastRead: Id | null): Promise<void> {
    const cached = await this.#app.cache.messages(this.channelId);
    const first = cached[0];
    if (this.#loaded || this.state === "gone" || !first) return;
    this.#cached = cached;
    const opensThere = lastRead === null || compareIds(first.id, lastRead) <= 0;
    if (opensThere || this.#unreachable) this.#paintCached();
  }

  #paintCached(): void {
    if (this.#loaded || this.#window.messages.length > 0) return;
    this.#window = { messages: this.#cached, hasOlder: true, hasNewer: false };
    this.#app.remember(this.#cached.map(({ author }) => author));
    this.state = "ready";
    this.#startReading(false);
    this.#draw();
  }

  /** Rejects only when nothing has replaced the window meanwhile. */
  async #replaceBy(
    cursor: Cursor,
    accept: (page: Page) => boolean = () => true,
  ): Promise<"replaced" | "refused" | "overtaken"> {
    const generation = ++this.#generation;
    this.#replacing = true;
    try {
      const page = await this.#history.read(cursor);
      if (generation !== this.#generation) return "overtaken";
      if (!accept(page)) return "refused";
      this.#replace(page);
      return "replaced";
    } catch (error) {
      if (generation !== this.#generation) return "overtaken";
      throw error;
    } finally {
      if (generation === this.#generation) this.#replacing = false;
    }
  }

  #replace(page: Page): void {
    const before = this.#window;
    const messages = page.messages.map((message) => {
      const held = windows.find(before, message.id);
      return held ? windows.laterOf(held, message) : message;
    });
    this.#window = {
      messages,
      hasOlder: page.hasOlder ?? true,
      hasNewer: page.hasNewer ?? true,
    };
    const [first, painted] = [!this.#loaded, before.messages.length > 0];
    this.#loaded = true;
    this.#unreachable = false;
    this.#stale = false;
    this.#interrupted.clear();
    this.state = "ready";
    this.#took(page);
    if (first) this.#startReading(painted);
    this.#draw();
  }

  /** After a page has become part of the window. */
  #took(page: Page): void {
    for (const message of page.messages) this.#claimKey(message);
    this.#window = windows.add(this.#window, page.arrived);
    this.#newestKnown = newerId(this.#newestKnown, this.#window.messages.at(-1)?.id);
    if (this.#window.hasNewer) this.#newestKnown = newerId(this.#newestKnown, this.#lastMessageId());
    this.#app.remember(page.messages.map(({ author }) => author));
    void this.#refetch(page.touched, REFETCH_ROUNDS);
  }

  /** Finds the first unread message, and opens there or at the bottom. */
  #startReading(painted: boolean): void {
    const before = this.firstUnreadId;
    this.firstUnreadId ??= this.#firstUnreadIn(this.#window);
    // The cached messages were in the right place: the reader may be scrolling already.
    if (painted && this.firstUnreadId === before) return;
    this.#atBottom = this.firstUnreadId === null;
    this.scrollTarget = { messageId: this.firstUnreadId, block: "start" };
  }

  /** Null as well when it may be before these messages. */
  #firstUnreadIn({ messages, hasOlder }: { messages: readonly Message[]; hasOlder?: boolean }): Id | null {
    const lastRead = this.#app.reads.lastReadId(this.channelId);
    const held = messages[0];
    if (lastRead === null || !held || (hasOlder && compareIds(held.id, lastRead) > 0)) return null;
    const first = messages.find((message) => compareIds(message.id, lastRead) > 0 && !this.#isMine(message));
    return first?.id ?? null;
  }

  loadOlder(): Promise<void> {
    return this.#loadPage("older");
  }

  loadNewer(): Promise<void> {
    return this.#loadPage("newer");
  }

  /** Does not reject: what fails is tried again by itself. */
  async #loadPage(direction: Direction): Promise<void> {
    const older = direction === "older";
    const edge = older ? this.#window.messages[0] : this.#window.messages.at(-1);
    const more = older ? this.#window.hasOlder : this.#window.hasNewer;
    if (!this.#loaded || !more || this.#isLoading(direction) || this.#replacing) return;
    if (!edge) return this.#reload();
    const generation = this.#generation;
    this.#setLoading(direction, true);
    try {
      const page = await this.#history.read(older ? { before: edge.id } : { after: edge.id });
      if (generation !== this.#generation) return;
      this.#window = older
        ? windows.prepend(this.#window, page.messages, page.hasOlder ?? false)
        : windows.append(this.#window, page.messages, page.hasNewer ?? false);
      this.#took(page);
      this.#draw();
    } catch (error) {
      if (generation === this.#generation) this.#pageFailed(direction, error);
    } finally {
      this.#setLoading(direction, false);
    }
  }

  #pageFailed(direction: Direction, error: unknown): void {
    if (isGone(error)) this.gone();
    if (!isTransient(error)) return;
    this.#interrupted.add(direction);
    if (codeOf(error) === "offline") return;
    const wait = (error as { retryAfterMs?: number }).retryAfterMs ?? RETRY_MS;
    this.#later(direction, wait, () => this.#resumePages());
  }

  #resumePages(): void {
    for (const direction of this.#interrupted) void this.#loadPage(direction);
    this.#interrupted.clear();
  }

  #isLoading(direction: Direction): boolean {
    return direction === "older" ? this.loadingOlder : this.loadingNewer;
  }

  #setLoading(direction: Direction, value: boolean): void {
    if (direction === "older") this.loadingOlder = value;
    else this.loadingNewer = value;
  }

  /** Reads the window again where the reader is; what was missed shows, nothing else moves. */
  async #reload(after = this.#newestKnown): Promise<void> {
    this.#stale = true;
    // The window that is being read is as fresh as this one would be.
    if (this.#replacing) return;
    const anchor = this.#atBottom ? null : (this.position?.messageId ?? this.#lastSeenId);
    let before = this.#window;
    const replaces = () => {
      before = this.#window;
      return true;
    };
    try {
      const outcome = await this.#replaceBy(anchor ? { around: anchor } : { newest: true }, replaces);
      if (outcome !== "replaced") return;
      this.#note(
        this.#window.messages.filter(({ id }) => !windows.find(before, id)),
        after,
      );
      this.#draw();
    } catch (error) {
      if (isGone(error)) this.gone();
      // Else it stays stale until the next `ready`.
    }
  }

  retry(): void {
    if (this.state === "failed" || this.state === "gone") {
      this.state = "loading";
      void this.#open();
    } else this.#resumePages();
  }

  // Jumping

  async jumpTo(messageId: Id): Promise<void> {
    if (!windows.find(this.#window, messageId)) {
      const there = (page: Page) => page.messages.some(({ id }) => id === messageId);
      if ((await this.#jump({ around: messageId }, there)) === "overtaken") return;
    }
    this.#atBottom = false;
    this.scrollTarget = { messageId, block: "center" };
    this.highlightedId = messageId;
    this.#later("highlight", HIGHLIGHT_MS, () => (this.highlightedId = null));
  }

  async jumpToPresent(): Promise<void> {
    if (!this.tailAttached && (await this.#jump({ newest: true })) === "overtaken") return;
    this.#atBottom = true;
    this.arrivedBelow = 0;
    this.scrollTarget = { messageId: null, block: "start" };
  }

  async jumpToFirstUnread(): Promise<void> {
    const messageId = this.firstUnreadId;
    if (messageId === null) return;
    if (!windows.find(this.#window, messageId)) {
      if ((await this.#jump({ around: messageId })) === "overtaken") return;
    }
    this.#atBottom = false;
    this.scrollTarget = { messageId, block: "start" };
  }

  /** Where there is no window yet, a failed jump opens the channel as usual. */
  async #jump(cursor: Cursor, accept?: (page: Page) => boolean): Promise<"replaced" | "overtaken"> {
    try {
      const outcome = await this.#replaceBy(cursor, accept);
      if (outcome !== "refused") return outcome;
      throw Object.assign(new Error("message not found"), { code: "message_not_found" });
    } catch (error) {
      if (isGone(error)) this.gone();
      else if (!this.#loaded) void this.#open();
      else if (this.#stale) void this.#reload();
      throw error;
    }
  }

  scrolled(): void {
    this.scrollTarget = null;
  }

  // Reading

  seen(messageId: Id): void {
    this.#present = true;
    this.#lastSeenId = messageId;
    if (!this.#readHeld) this.#shared.marker.seen(this.channelId, messageId);
  }

  atBottom(value: boolean): void {
    this.#present = true;
    this.#atBottom = value;
    if (value && this.tailAttached) this.arrivedBelow = 0;
  }

  left(): void {
    this.#present = false;
    this.#readHeld = false;
    this.arrivedBelow = 0;
    this.firstUnreadId = null;
    this.scrollTarget = null;
    this.#shared.marker.flush();
    this.#draw();
  }

  /** The reader has read here or elsewhere; while the channel is open the "new" line stays. */
  readStateChanged(): void {
    const lastRead = this.#app.reads.lastReadId(this.channelId);
    if (this.#present || this.firstUnreadId === null || lastRead === null) return;
    if (compareIds(lastRead, this.firstUnreadId) < 0) return;
    this.firstUnreadId = this.#firstUnreadIn(this.#window);
    if (this.firstUnreadId === null) this.scrollTarget = null;
    this.#draw();
  }

  async markUnreadFrom(messageId: Id): Promise<void> {
    const before = { firstUnreadId: this.firstUnreadId, held: this.#readHeld };
    this.firstUnreadId = messageId;
    this.#readHeld = true;
    this.#draw();
    try {
      await this.#shared.marker.set(this.channelId, String(BigInt(messageId) - 1n));
    } catch (error) {
      this.firstUnreadId = before.firstUnreadId;
      this.#readHeld = before.held;
      this.#draw();
      throw error;
    }
  }

  // Messages

  async edit(messageId: Id, content: string): Promise<void> {
    const { channelId } = this;
    const message = await this.#app.client.request("message:update", { channelId, messageId, content });
    this.#shared.settlePushes();
    this.apply([{ kind: "updated", channelId, message }]);
  }

  async remove(messageId: Id): Promise<void> {
    const { channelId } = this;
    await this.#app.client.request("message:delete", { channelId, messageId });
    this.#shared.settlePushes();
    this.apply([{ kind: "deleted", channelId, messageId }]);
  }

  async toggleReaction(messageId: Id, emoji: string): Promise<void> {
    const message = windows.find(this.#window, messageId);
    if (message) await this.#intents.toggle(message, emoji);
  }

  reactors(messageId: Id, emoji: string): Promise<{ users: User[]; hasMore: boolean }> {
    return this.#app.client.request("reaction:list", { channelId: this.channelId, messageId, emoji });
  }

  async setPinned(messageId: Id, pinned: boolean): Promise<void> {
    const { channelId } = this;
    await this.#app.client.request(pinned ? "pin:add" : "pin:remove", { channelId, messageId });
    this.#shared.settlePushes();
    this.apply([{ kind: "pin", channelId, messageId, pinned }]);
  }

  async pins(): Promise<Message[]> {
    const { messages } = await this.#app.client.request("pin:list", { channelId: this.channelId });
    this.#app.remember(messages.map(({ author }) => author));
    return messages;
  }

  retrySend(nonce: string): void {
    this.#app.client.outbox.retry(nonce);
  }

  discardSend(nonce: string): void {
    this.#app.client.outbox.discard(nonce);
  }

  /** From the window, as it is shown. */
  message(messageId: Id): Message | undefined {
    const message = windows.find(this.#window, messageId);
    return message && this.#intents.over(message);
  }

  lastOwnMessage(): Message | undefined {
    return this.#window.messages.findLast((message) => this.#isMine(message));
  }

  // What happens (called by `Timelines`)

  /** Pushes of this channel, in order. */
  apply(pushes: readonly Push[]): void {
    if (this.state === "gone") return;
    for (let index = 0; index < pushes.length; index += 1) {
      const push = pushes[index]!;
      if (push.kind === "created") index += this.#applyCreated(pushes, index);
      else this.#applyChange(push);
    }
    this.#draw();
  }

  /** Takes all that were created in a row; returns how many there were besides the first. */
  #applyCreated(pushes: readonly Push[], from: number): number {
    const created: Message[] = [];
    for (let index = from; index < pushes.length; index += 1) {
      const push = pushes[index]!;
      if (push.kind !== "created") break;
      created.push(push.message);
    }
    this.#arrive(created, this.#newestKnown);
    return created.length - 1;
  }

  #applyChange(push: Exclude<Push, { kind: "created" }>): void {
    switch (push.kind) {
      case "updated":
        this.#history.touched(push.message.id);
        this.#window = windows.edit(this.#window, push.message);
        break;
      case "deleted":
        this.#deleted(push.messageId);
        break;
      case "pin":
        this.#history.touched(push.messageId);
        this.#window = windows.update(this.#window, push.messageId, (message) =>
          message.pinned === push.pinned ? message : { ...message, pinned: push.pinned },
        );
        break;
      case "reaction":
        this.#history.touched(push.messageId);
        this.#window = windows.update(this.#window, push.messageId, (message) =>
          withReaction(message, push.emoji, push.userId === this.#app.meId(), push.present),
        );
        break;
    }
  }

  #deleted(messageId: Id): void {
    this.#history.deleted(messageId);
    if (this.firstUnreadId === messageId) {
      const next = windows.indexOf(this.#window.messages, messageId) + 1;
      this.firstUnreadId = this.#window.messages.slice(next).find((each) => !this.#isMine(each))?.id ?? null;
    }
    this.#window = windows.remove(this.#window, messageId);
  }

  /** The outbox entry was acknowledged: its row shows the message from now on. */
  sent(entry: OutboxEntry, message: Message): void {
    if (this.state === "gone") return;
    this.#keys.set(message.id, entry.nonce);
    this.#arrive([message], this.#newestKnown);
    if (this.tailAttached && !this.#readHeld) this.#shared.marker.seen(this.channelId, message.id);
    this.#draw();
  }

  setPending(entries: readonly OutboxEntry[]): void {
    if (entries.length === 0 && this.#pending.length === 0) return;
    // Copies, because the outbox may change its own.
    this.#pending = entries.map((entry) => ({ ...entry }));
    this.#draw();
  }

  /** For `session:sync`: the newest message known. Null where there is nothing to keep up to date. */
  syncCursor(): Id | null {
    return this.#loaded && this.state !== "gone" ? (this.#newestKnown ?? "0") : null;
  }

  syncStarts(): void {
    this.#syncing ??= this.#history.watch();
  }

  synced(missed: SyncResult["channels"][Id] | undefined, changed: SyncResult["changed"], cursor: Id): void {
    const touched = this.#syncEnds();
    if (!missed || !this.#loaded) return;
    for (const { kind, messageId } of changed) {
      if (kind === "deleted") this.#deleted(messageId);
      else touched.add(messageId);
    }
    // An incomplete answer would leave a gap.
    if (missed.complete) this.#arrive(missed.messages.toReversed(), cursor);
    this.#draw();
    if (missed.complete) void this.#refetch(touched, REFETCH_ROUNDS);
    else void this.#reload(cursor);
  }

  #syncEnds(): Set<Id> {
    if (!this.#syncing) return new Set();
    this.#history.unwatch(this.#syncing);
    const { touched } = this.#syncing;
    this.#syncing = null;
    return touched;
  }

  /** Connected again (or for the first time), and the directory is up to date. */
  connected(): void {
    if (this.state === "gone") return this.retry();
    if (!this.#loaded) {
      if (!this.#replacing) void this.#open();
    } else if (this.#stale) void this.#reload();
    else this.#resumePages();
  }

  /** The channel was deleted, or the reader removed. */
  gone(): void {
    if (this.state === "gone") return;
    this.#generation += 1;
    this.#replacing = false;
    this.#loaded = false;
    this.#window = windows.EMPTY;
    this.#cached = [];
    this.#keys.clear();
    this.#newestKnown = null;
    this.firstUnreadId = null;
    this.state = "gone";
    this.#draw();
    void this.#app.cache.forgetChannel(this.channelId);
  }

  /** No longer kept: nothing is shown or asked for any more. */
  dispose(): void {
    this.#generation += 1;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  // Inside

  /** Messages that are new to this client, oldest first; `after` is the newest one known before. */
  #arrive(messages: readonly Message[], after: Id | null): void {
    const fresh: Message[] = [];
    for (const message of messages) {
      if (this.#history.wasDeleted(message.id)) continue;
      this.#history.arrived(message);
      this.#claimKey(message);
      // One that is held has been read from the server, with the reader's own view: a push knows less.
      if (!windows.find(this.#window, message.id)) fresh.push(message);
    }
    if (!this.#loaded && this.#window.messages.length === 0) return;
    this.#note(fresh, after);
    this.#window = windows.add(this.#window, fresh);
    this.#app.remember(fresh.map(({ author }) => author));
    this.#trim();
  }

  /** Counts arrivals for the pill, and starts the "new" line when the reader is not watching. */
  #note(messages: readonly Message[], after: Id | null): void {
    const watching = this.#present && this.#atBottom && !this.#window.hasNewer && this.#shared.focused();
    const lastRead = this.#app.reads.lastReadId(this.channelId);
    for (const message of messages) {
      if (after !== null && compareIds(message.id, after) <= 0) continue;
      this.#newestKnown = newerId(this.#newestKnown, message.id);
      if (this.#isMine(message)) continue;
      if (!this.#atBottom || this.#window.hasNewer) this.arrivedBelow += 1;
      const unread = lastRead === null || compareIds(message.id, lastRead) > 0;
      if (!watching && unread && this.firstUnreadId === null) this.#unreadBegins(message.id);
    }
  }

  #unreadBegins(messageId: Id): void {
    this.firstUnreadId = messageId;
    const willReopen = !this.#present && this.position === null && this.scrollTarget === null;
    if (willReopen) this.scrollTarget = { messageId, block: "start" };
  }

  /** Arrived messages push out the end that the reader is farther away from. */
  #trim(): void {
    const { messages } = this.#window;
    if (messages.length <= windows.WINDOW_MESSAGES_MAX) return;
    const reading = this.#atBottom ? null : (this.position?.messageId ?? this.#lastSeenId);
    const amongOldest = reading !== null && windows.indexOf(messages, reading) < messages.length / 2;
    this.#window = amongOldest
      ? windows.dropNewest(this.#window, KEPT_MESSAGES)
      : windows.dropOldest(this.#window, KEPT_MESSAGES);
  }

  /** Asks for messages again of which it is not known how they are now. */
  async #refetch(messageIds: ReadonlySet<Id>, rounds: number): Promise<void> {
    let wanted = [...messageIds].filter((id) => windows.find(this.#window, id)).sort(compareIds);
    const again = new Set<Id>();
    try {
      while (wanted.length > 0 && rounds > 0) {
        // From the first one on, which takes in those that follow it closely.
        const after = String(BigInt(wanted[0]!) - 1n);
        const page = await this.#history.read({ after }, REFETCH_PAGE);
        const last = page.hasNewer ? page.messages.at(-1)?.id : undefined;
        const covered = (id: Id) => last === undefined || compareIds(id, last) <= 0;
        this.#refetched(page, wanted.filter(covered));
        for (const id of page.touched) again.add(id);
        wanted = wanted.filter((id) => !covered(id));
      }
    } catch (error) {
      if (isTransient(error)) this.#stale = true;
      return;
    }
    if (again.size > 0) await this.#refetch(again, rounds - 1);
  }

  #refetched(page: Page, wanted: readonly Id[]): void {
    const fetched = new Map(page.messages.map((message) => [message.id, message]));
    for (const id of wanted) {
      const message = fetched.get(id);
      if (message) this.#window = windows.update(this.#window, id, (held) => windows.laterOf(held, message));
      else this.#deleted(id);
    }
    this.#draw();
  }

  #claimKey(message: Message): void {
    const { nonce } = message;
    if (!nonce || this.#keys.has(message.id) || !this.#isMine(message)) return;
    if (this.#pending.some((entry) => entry.nonce === nonce)) this.#keys.set(message.id, nonce);
  }

  #change(messageId: Id, change: (message: Message) => Message): void {
    this.#window = windows.update(this.#window, messageId, change);
    this.#draw();
  }

  #isMine(message: Message): boolean {
    return message.author.id === this.#app.meId();
  }

  #lastMessageId(): Id | undefined {
    const { reads, directory } = this.#app;
    return reads.lastMessageId?.(this.channelId) ?? directory.channel(this.channelId)?.lastMessageId;
  }

  #draw(): void {
    const { messages, hasOlder, hasNewer } = this.#window;
    const arrivedNonces = new Set(this.#keys.values());
    const rows = buildRows(
      {
        messages: messages.map((message) => this.#intents.over(message)),
        pending: hasNewer ? [] : this.#pending.filter(({ nonce }) => !arrivedNonces.has(nonce)),
        meId: this.#app.meId(),
        firstUnreadId: this.firstUnreadId,
        complete: this.#loaded && !hasOlder,
        keyOf: (message) => this.#keys.get(message.id) ?? message.id,
      },
      this.#rowsByKey,
    );
    if (rows.length !== this.rows.length || rows.some((row, index) => row !== this.rows[index])) {
      this.rows = rows;
      this.#rowsByKey = new Map(rows.map((row) => [row.key, row]));
    }
    this.hasOlder = hasOlder;
    this.hasNewer = hasNewer;
    this.unreadCount = this.#countUnread();
    if (this.#loaded && !hasNewer && messages !== this.#saved && !this.#timers.has("cache")) {
      this.#later("cache", CACHE_WAIT_MS, () => this.save());
    }
  }

  #countUnread(): number {
    if (this.firstUnreadId === null) return 0;
    const from = windows.indexOf(this.#window.messages, this.firstUnreadId);
    return this.#window.messages.slice(from).filter((message) => !this.#isMine(message)).length;
  }

  /** Keeps the newest messages for the next start. */
  save(): void {
    const { messages, hasNewer } = this.#window;
    if (!this.#loaded || hasNewer || messages === this.#saved) return;
    this.#saved = messages;
    void this.#app.cache.saveMessages(this.channelId, messages);
  }

  #later(what: "highlight" | "cache" | Direction, wait: number, action: () => void): void {
    clearTimeout(this.#timers.get(what));
    const timer = setTimeout(() => {
      this.#timers.delete(what);
      action();
    }, wait);
    this.#timers.set(what, timer);
  }
}
