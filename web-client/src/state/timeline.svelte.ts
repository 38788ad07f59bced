/**
 * One channel's timeline, as the UI sees it: the window of messages (`LiveWindow`), the pending ones behind it
 * (`PendingRows`), and where the reader is (`Reading`), drawn as rows.
 *
 * It neither listens to the client nor knows other channels (`Timelines` does), and never touches the DOM: where to
 * scroll is said by `scrollTarget`.
 */
import { untrack } from "svelte";
import type { OutboxEntry } from "../protocol/api";
import { compareIds } from "../protocol/ids";
import { hasUnread } from "../protocol/opening";
import type { Id, Message, SyncResult, User } from "../protocol/contract";
import { Again } from "./again";
import type * as api from "./api";
import type { Cursor, Page } from "./history";
import { LiveWindow } from "./liveWindow";
import { Paging } from "./paging.svelte";
import { PendingRows } from "./pendingRows";
import type { Push } from "./push";
import { timeOf } from "./read-states";
import { Reading } from "./reading.svelte";
import { buildRows } from "./rows";
import type { Tail, TimelineDependencies } from "./timelineDependencies";
import { codeOf, isGone } from "./transient";

const HIGHLIGHT_MS = 2_000;
const SAVE_WAIT_MS = 1_500;
/** Of pages with nothing but own messages, before what is unread is looked for no longer. */
const OWN_PAGES_MAX = 10;

const offline = () => Object.assign(new Error("not connected yet"), { code: "offline" as const });

/** What all timelines have in common. */
export interface Shared {
  app: TimelineDependencies;
  focused: () => boolean;
  /** Applies the pushes that wait for the next frame. */
  settlePushes: () => void;
}

export class Timeline implements api.Timeline {
  readonly channelId: Id;
  readonly #app: TimelineDependencies;
  readonly #settlePushes: () => void;
  readonly #live: LiveWindow;
  readonly #paging: Paging;
  readonly #reading: Reading;
  readonly #pending = new PendingRows();

  state: api.Timeline["state"] = $state("loading");
  rows: readonly api.Row[] = $state.raw([]);
  hasOlder = $state(false);
  hasNewer = $state(false);
  unread: api.Timeline["unread"] = $state.raw(null);
  highlightedId: Id | null = $state(null);
  outdated = $state(false);

  /** What was cached, until it is shown. */
  #cached: readonly Message[] = [];
  #unreachable = false;
  /** The window that is being read is to begin where the reader left off. */
  #opening = false;
  /** As it was told to the read states. */
  #tail: Tail | null = null;
  #disposed = false;
  #rowsByKey = new Map<string, api.Row>();
  #saved: readonly Message[] = [];
  readonly #again = new Again(() => this.#tryAgain());
  #highlightTimer: ReturnType<typeof setTimeout> | undefined;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(channelId: Id, { app, focused, settlePushes }: Shared) {
    this.channelId = channelId;
    this.#app = app;
    this.#settlePushes = settlePushes;
    const isMine = this.#isMine;
    this.#reading = new Reading({ channelId, reads: app.reads, focused, isMine });
    this.#live = new LiveWindow({
      client: app.client,
      channelId,
      meId: app.meId,
      lastMessageId: () => this.#lastMessageId(),
      settlePushes,
      remember: app.remember,
      arrived: (messages, live) => this.#reading.arrived(messages, this.#live.held, live),
      met: (message) => {
        if (isMine(message)) this.#pending.claim(message);
      },
      deleted: (messageId) => this.#reading.deleted(messageId, this.#live.held),
      replaced: (first, painted) => this.#replaced(first, painted),
      anchorId: () => this.#reading.anchorId,
      reopen: () => this.#open(),
      failed: (error) => this.#failedForNow(error),
      changed: () => this.#draw(),
    });
    this.#paging = new Paging(this.#live, () => this.gone());
    // Not at once: it may be made while Svelte computes, and a jump may come first.
    queueMicrotask(() => {
      if (this.#live.untouched) void this.#open();
    });
  }

  get tailAttached(): boolean {
    return this.state === "ready" && !this.hasNewer;
  }

  get loadingOlder(): boolean {
    return this.#paging.loadingOlder;
  }

  get loadingNewer(): boolean {
    return this.#paging.loadingNewer;
  }

  get arrivedBelow(): number {
    return this.#reading.arrivedBelow;
  }

  get firstUnreadId(): Id | null {
    return this.#reading.firstUnreadId;
  }

  get settled(): boolean {
    return this.#reading.settled;
  }

  get scrollTarget(): api.ScrollTarget | null {
    return this.#reading.scrollTarget;
  }

  get position(): api.Timeline["position"] {
    return this.#reading.position;
  }

  set position(position: api.Timeline["position"]) {
    this.#reading.position = position;
  }

  // Loading

  async #open(): Promise<void> {
    void this.#readCache();
    // Else it is opened when the read state is known: with `ready`, or when its group is complete.
    if (!this.#app.reads.knows(this.channelId)) return this.#openFailed(offline());
    this.#opening = true;
    try {
      for (let pages = 0; this.#hasUnread() && pages < OWN_PAGES_MAX; pages += 1) {
        const outcome = await this.#openAtUnread(this.#reading.lastReadId!);
        if (outcome === "done") return;
        if (outcome === "nothing") break;
      }
      await this.#live.replaceBy({ newest: true });
    } catch (error) {
      this.#openFailed(error);
    }
  }

  #hasUnread(): boolean {
    return hasUnread(this.#reading.lastReadId, this.#lastMessageId());
  }

  /** All that was not read there may be one's own, or deleted: then it is further on, or the bottom after all. */
  async #openAtUnread(lastReadId: Id): Promise<"done" | "goOn" | "nothing"> {
    let own: Id | undefined;
    const atUnread = (page: Page) => {
      if (!page.hasNewer || this.#reading.firstUnreadIn(page) !== null) return true;
      own = page.messages.at(-1)?.id;
      return false;
    };
    if ((await this.#live.replaceBy({ around: lastReadId }, atUnread)) !== "refused") return "done";
    if (own === undefined || compareIds(own, lastReadId) <= 0) return "nothing";
    this.#app.reads.seen(this.channelId, own);
    return "goOn";
  }

  #openFailed(error: unknown): void {
    this.#opening = false;
    this.#unreachable = true;
    if (isGone(error)) return this.gone();
    this.#paintCached();
    this.#failedForNow(error);
    if (this.state === "ready") return;
    // Not connected yet: it is opened again when it is.
    const willConnect = codeOf(error) === "offline" && this.#app.client.connection.state !== "offline";
    this.state = willConnect ? "loading" : "failed";
  }

  /** Without a connection the whole page says so. */
  #failedForNow(error: unknown): void {
    this.outdated = this.#again.after(error);
  }

  #tryAgain(): void {
    if (this.state === "gone" || this.#live.replacing) return;
    if (this.#live.loaded && this.#reading.begun) this.#reload();
    else void this.#open();
  }

  async #readCache(): Promise<void> {
    if (this.#live.loaded) return;
    const { lastReadId } = this.#reading;
    this.#cached = await this.#app.cache.messages(this.channelId);
    const first = this.#cached[0];
    const opensThere = lastReadId === null || (first && compareIds(first.id, lastReadId) <= 0);
    if (this.state !== "gone" && (opensThere || this.#unreachable)) this.#paintCached();
  }

  #paintCached(): void {
    if (!this.#live.paint(this.#cached)) return;
    this.state = "ready";
    this.#reading.guess(this.#live.held);
    this.#draw();
  }

  #replaced(first: boolean, painted: boolean): void {
    this.state = "ready";
    this.#unreachable = false;
    this.outdated = false;
    this.#again.cancel();
    this.#paging.forget();
    if (first || this.#opening) this.#reading.begin(this.#live.held, painted);
    this.#opening = false;
  }

  loadOlder(): Promise<void> {
    return this.#paging.load("older");
  }

  loadNewer(): Promise<void> {
    return this.#paging.load("newer");
  }

  retry(): void {
    if (this.state !== "failed" && this.state !== "gone") return this.#paging.resume();
    this.state = "loading";
    void this.#open();
  }

  // Jumping

  async jumpTo(messageId: Id): Promise<void> {
    const there = (page: Page) => page.messages.some(({ id }) => id === messageId);
    // In what is about to be replaced it is nowhere.
    const here = this.#live.has(messageId) && this.#live.loaded && !this.#live.replacing;
    if (!here && !(await this.#jump({ around: messageId }, there))) return;
    this.#reading.jump(messageId);
    this.highlightedId = messageId;
    clearTimeout(this.#highlightTimer);
    this.#highlightTimer = setTimeout(() => (this.highlightedId = null), HIGHLIGHT_MS);
  }

  async jumpToPresent(): Promise<void> {
    const here = untrack(() => this.tailAttached);
    if (!here && !(await this.#jump({ newest: true }))) return;
    this.#reading.jumpToPresent();
  }

  async jumpToFirstUnread(): Promise<void> {
    const messageId = untrack(() => this.#reading.unreadFrom(this.#live.held));
    if (messageId === null) return;
    if (!this.#live.has(messageId) && !(await this.#jump({ around: messageId }))) return;
    untrack(() => this.#reading.jumpToUnread(this.#live.held));
    this.#draw();
  }

  /** False if another jump was faster. Where there is no window yet, a failed jump opens the channel as usual. */
  async #jump(cursor: Cursor, accept?: (page: Page) => boolean): Promise<boolean> {
    try {
      const outcome = await untrack(() => this.#reading.leaving(this.#live.replaceBy(cursor, accept)));
      if (outcome !== "refused") return outcome === "replaced";
      throw Object.assign(new Error("message not found"), { code: "message_not_found" });
    } catch (error) {
      if (isGone(error)) this.gone();
      else if (!this.#live.loaded) void this.#open();
      else if (this.#live.stale) this.#reload();
      throw error;
    }
  }

  scrolled(): void {
    this.#reading.scrollTarget = null;
  }

  targetMissing(): void {
    untrack(() => this.#reading.targetMissing(this.#live.held));
  }

  // Reading

  seen(newestId: Id, oldestId: Id): void {
    untrack(() => {
      const { held, whole } = this.#live;
      if (this.#reading.seen(newestId, oldestId, held, whole)) this.#draw();
    });
  }

  atBottom(value: boolean): void {
    untrack(() => this.#reading.atBottom(value, this.tailAttached));
  }

  covered(): void {
    this.#reading.covered();
  }

  left(): void {
    if (untrack(() => this.#reading.left(this.#live.held))) this.#restart();
    this.#draw();
  }

  markRead(): Promise<void> {
    return this.#app.reads.markRead(this.channelId);
  }

  /** All of it, here or in the lists. */
  markedRead(): void {
    this.#reading.done();
    this.#draw();
  }

  async markUnreadFrom(messageId: Id): Promise<void> {
    const marked = this.#reading.markUnreadFrom(messageId);
    this.#draw();
    try {
      await marked;
    } finally {
      this.#draw();
    }
  }

  // Messages

  async edit(messageId: Id, content: string): Promise<void> {
    const { channelId } = this;
    const message = await this.#app.client.request("message:update", { channelId, messageId, content });
    this.#accepted({ kind: "updated", channelId, message });
  }

  async remove(messageId: Id): Promise<void> {
    const { channelId } = this;
    await this.#app.client.request("message:delete", { channelId, messageId });
    this.#accepted({ kind: "deleted", channelId, messageId });
  }

  async setPinned(messageId: Id, pinned: boolean): Promise<void> {
    const { channelId } = this;
    await this.#app.client.request(pinned ? "pin:add" : "pin:remove", { channelId, messageId });
    this.#accepted({ kind: "pin", channelId, messageId, pinned });
  }

  /** The server has agreed: as if its push had come. */
  #accepted(push: Push): void {
    this.#settlePushes();
    this.apply([push]);
  }

  toggleReaction(messageId: Id, emoji: string): Promise<void> {
    return this.#live.toggleReaction(messageId, emoji);
  }

  reactors(messageId: Id, emoji: string): Promise<{ users: User[]; hasMore: boolean }> {
    return this.#app.client.request("reaction:list", { channelId: this.channelId, messageId, emoji });
  }

  async pins(): Promise<Message[]> {
    const messages: Message[] = [];
    for (let hasMore = true; hasMore;) {
      const page = await this.#app.client.request("pin:list", {
        channelId: this.channelId,
        before: messages.at(-1)?.id,
      });
      messages.push(...page.messages);
      hasMore = page.hasMore;
    }
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
    return this.#live.find(messageId);
  }

  lastOwnMessage(): Message | undefined {
    return this.#live.held.messages.findLast(this.#isMine);
  }

  // What happens (called by `Timelines`)

  /** Pushes of this channel, in order. */
  apply(pushes: readonly Push[]): void {
    if (this.state !== "gone") this.#live.apply(pushes);
  }

  /** The outbox entry was acknowledged: its row shows the message from now on. */
  sent({ nonce }: OutboxEntry, message: Message): void {
    if (this.state === "gone") return;
    this.#pending.sent(nonce, message.id);
    this.#live.arrive([message]);
    this.#draw();
  }

  setPending(entries: readonly OutboxEntry[]): void {
    if (this.#pending.set(entries)) this.#draw();
  }

  readStateChanged(): void {
    if (untrack(() => this.#reading.readStateChanged(this.#live.held))) this.#restart();
    this.#draw();
  }

  get syncCursor(): Id | null {
    return this.#live.cursor;
  }

  syncStarts(): void {
    this.#live.syncStarts();
  }

  synced(missed: SyncResult["channels"][Id] | undefined, changed: SyncResult["changed"], cursor: Id): void {
    this.#live.synced(missed, changed, cursor).catch((error) => this.#reloadFailed(error));
  }

  /** Connected again (or for the first time), and the directory and the read state are up to date. */
  connected(): void {
    if (this.state === "gone") return this.retry();
    if (!this.#live.loaded || !this.#reading.begun) {
      if (!this.#live.replacing) void this.#open();
      return;
    }
    this.readStateChanged();
    if (this.#live.replacing) return;
    if (this.#live.stale) this.#reload();
    else this.#paging.resume();
  }

  /** The channel was deleted, or the reader removed. */
  gone(): void {
    if (this.state === "gone") return;
    this.state = "gone";
    this.#live.clear();
    this.#pending.clear();
    this.#cached = [];
    untrack(() => this.#reading.left(this.#live.held));
    this.#draw();
    void this.#app.cache.forgetChannel(this.channelId);
  }

  /** No longer kept: nothing is shown or asked for any more. */
  dispose(): void {
    this.#disposed = true;
    this.#live.overtake();
    this.#paging.forget();
    this.#again.cancel();
    clearTimeout(this.#highlightTimer);
    clearTimeout(this.#saveTimer);
  }

  /** Keeps the newest messages for the next start. */
  save(): void {
    const { messages, hasNewer } = this.#live.held;
    if (this.#disposed || !this.#live.loaded || hasNewer || messages === this.#saved) return;
    this.#saved = messages;
    void this.#app.cache.saveMessages(this.channelId, messages);
  }

  // Inside

  /** The read state was set back to before what is held. */
  #restart(): void {
    this.#reading.restart();
    void this.#open();
  }

  #reload(): void {
    this.#live.reload().catch((error) => this.#reloadFailed(error));
  }

  #reloadFailed(error: unknown): void {
    if (isGone(error)) return this.gone();
    // The window stays as it is, and stale, until then.
    this.#failedForNow(error);
  }

  #isMine = (message: Message): boolean => message.author.id === this.#app.meId();

  #lastMessageId(): Id | undefined {
    const { reads, directory } = this.#app;
    return reads.lastMessageId(this.channelId) ?? directory.channel(this.channelId)?.lastMessageId;
  }

  #unread(): api.Timeline["unread"] {
    const { held } = this.#live;
    const unread = this.#reading.offersUnread ? this.#reading.unreadIn(held) : [];
    const from = this.#reading.unreadFrom(held);
    const [first] = unread;
    if (!first || from === null) return null;
    const more = held.hasNewer || first.id !== this.firstUnreadId;
    return { count: unread.length, more, since: from === "0" ? first.createdAt : timeOf(from) };
  }

  /** The end of the window is the end of the channel: with whose messages it ends, the read states cannot know. */
  #tellTail(): void {
    const { messages, hasOlder, hasNewer } = this.#live.held;
    if (!this.#live.loaded || hasNewer || this.#live.stale) return;
    const foreign = messages.findLast((message) => !this.#isMine(message));
    const newestId = messages.at(-1)?.id ?? null;
    const foreignId = foreign?.id ?? (hasOlder ? undefined : null);
    if (this.#tail?.newestId === newestId && this.#tail.foreignId === foreignId) return;
    this.#tail = { newestId, foreignId };
    this.#app.reads.ends(this.channelId, this.#tail);
  }

  /** Untracked: an effect of the UI that calls an action must not depend on what the action draws. */
  #draw(): void {
    untrack(() => this.#drawNow());
  }

  #drawNow(): void {
    const { hasOlder, hasNewer } = this.#live.held;
    const rows = buildRows(
      {
        messages: this.#live.shown,
        pending: hasNewer ? [] : this.#pending.waiting,
        meId: this.#app.meId(),
        firstUnreadId: this.firstUnreadId,
        complete: this.#live.loaded && !hasOlder,
        keyOf: this.#pending.keyOf,
      },
      this.#rowsByKey,
    );
    if (rows.length !== this.rows.length || rows.some((row, index) => row !== this.rows[index])) {
      this.rows = rows;
      this.#rowsByKey = new Map(rows.map((row) => [row.key, row]));
    }
    this.hasOlder = hasOlder;
    this.hasNewer = hasNewer;
    this.#reading.advance(this.#live.held, this.#live.whole);
    this.unread = this.#unread();
    this.#tellTail();
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = undefined;
      this.save();
    }, SAVE_WAIT_MS);
  }
}
