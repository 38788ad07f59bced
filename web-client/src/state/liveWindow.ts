/**
 * The window of one channel, kept as the server has it: by pages, pushes, and what a sync says was missed. Decides
 * what is newer than what; knows neither rows nor where the reader is.
 */
import type { Client } from "../protocol/api";
import { compareIds, newerId } from "../protocol/ids";
import type { Id, Message, SyncResult, User } from "../protocol/contract";
import { History, type Cursor, type Meanwhile, type Page } from "./history";
import type { Push } from "./push";
import { ReactionIntents, withReaction } from "./reactions";
import { isTransient } from "./transient";
import * as windows from "./window";

/** What is left when arriving messages have filled the window: not one row is dropped for each that arrives. */
const KEPT_MESSAGES = 200;
const REFETCH_PAGE = 100;
/** A message that changes all the time is not asked for all the time. */
const REFETCH_ROUNDS = 3;

interface Needs {
  client: Pick<Client, "request">;
  channelId: Id;
  meId: () => Id | null;
  lastMessageId: () => Id | undefined;
  /** Applies the pushes that wait for the next frame. */
  settlePushes: () => void;
  remember: (users: readonly User[]) => void;
  /** Messages that are new to this client, before they are put in; oldest first. `live`: just written, not missed. */
  arrived: (messages: readonly Message[], live: boolean) => void;
  /** A message of this channel was seen in whatever way. */
  met: (message: Message) => void;
  /** A message is about to be taken out. */
  deleted: (messageId: Id) => void;
  /** The window is another one now; `first`: it is the server's for the first time. */
  replaced: (first: boolean, painted: boolean) => void;
  /** The message being read; null is the bottom. */
  anchorId: () => Id | null;
  /** Opens the channel as if it had not been open: replaces the window. */
  reopen: () => Promise<void>;
  /** It is `stale` now. */
  failed: (error: unknown) => void;
  changed: () => void;
}

export type Outcome = "replaced" | "refused" | "overtaken";

export class LiveWindow {
  readonly #needs: Needs;
  readonly #history: History;
  readonly #intents: ReactionIntents;
  #window = windows.EMPTY;
  #loaded = false;
  #replacing = false;
  /** Counts replacements: answers for an earlier window are dropped. */
  #generation = 0;
  #newestKnown: Id | null = null;
  #syncing: Meanwhile | null = null;
  /** Something was missed that could not be read yet. */
  stale = false;

  constructor(needs: Needs) {
    this.#needs = needs;
    const { client, channelId } = needs;
    this.#history = new History(channelId, client, needs.settlePushes);
    this.#intents = new ReactionIntents({
      client,
      channelId,
      changed: needs.changed,
      accepted: (messageId, emoji, present) => {
        this.#history.touched(messageId);
        this.#update(messageId, (message) => withReaction(message, emoji, true, present));
      },
    });
  }

  /** As the server has it; `shown` adds what the reader has just done. */
  get held(): windows.Window {
    return this.#window;
  }

  get shown(): readonly Message[] {
    return this.#window.messages.map((message) => this.#intents.over(message));
  }

  /** It is the server's, not the cache's. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get replacing(): boolean {
    return this.#replacing;
  }

  /** Nothing is missing between its messages, as far as is known. */
  get whole(): boolean {
    return this.#loaded && !this.stale && this.#syncing === null;
  }

  get untouched(): boolean {
    return this.#generation === 0;
  }

  has(messageId: Id): boolean {
    return windows.find(this.#window, messageId) !== undefined;
  }

  find(messageId: Id): Message | undefined {
    const message = windows.find(this.#window, messageId);
    return message && this.#intents.over(message);
  }

  /** Where sync goes on: the newest message known. Null where there is nothing to keep up to date. */
  get cursor(): Id | null {
    return this.#loaded ? (this.#newestKnown ?? "0") : null;
  }

  /** Shows cached messages until the server has answered. False if there is something to show already. */
  paint(cached: readonly Message[]): boolean {
    if (this.#loaded || this.#window.messages.length > 0 || cached.length === 0) return false;
    this.#window = { messages: cached, hasOlder: true, hasNewer: false };
    this.#needs.remember(cached.map(({ author }) => author));
    return true;
  }

  clear(): void {
    this.#generation += 1;
    this.#replacing = false;
    this.#loaded = false;
    this.#newestKnown = null;
    this.#window = windows.EMPTY;
  }

  /** Answers that are on their way are dropped. */
  overtake(): void {
    this.#generation += 1;
    this.#replacing = false;
  }

  /** Rejects only when nothing else has replaced the window meanwhile. */
  async replaceBy(cursor: Cursor, accept: (page: Page) => boolean = () => true): Promise<Outcome> {
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
    const first = !this.#loaded;
    const messages = page.messages.map((message) => {
      const held = windows.find(before, message.id);
      return held ? windows.laterOf(held, message) : message;
    });
    this.#window = { messages, hasOlder: page.hasOlder ?? true, hasNewer: page.hasNewer ?? true };
    this.#loaded = true;
    this.stale = false;
    this.#took(page);
    this.#needs.replaced(first, before.messages.length > 0);
    this.#needs.changed();
  }

  /**
   * Replaces the window by the same place as it is now; `after` was the newest message before something was missed. At
   * the bottom that is where the missed messages begin.
   */
  async reload(after = this.#newestKnown): Promise<void> {
    this.stale = true;
    // The window that is being read is as fresh as this one would be.
    if (this.#replacing) return;
    const anchorId = this.#needs.anchorId();
    if (anchorId === null) return this.#needs.reopen();
    let before = this.#window;
    const remembers = () => {
      before = this.#window;
      return true;
    };
    const outcome = await this.replaceBy({ around: anchorId }, remembers);
    if (outcome !== "replaced") return;
    const missed = this.#window.messages.filter(({ id }) => !windows.find(before, id));
    this.#arrived(missed, after, false);
    this.#needs.changed();
  }

  /** Adds a page at one end. False if the window was replaced meanwhile. */
  async extend(direction: "older" | "newer", edge: Message): Promise<boolean> {
    const generation = this.#generation;
    const older = direction === "older";
    try {
      const page = await this.#history.read(older ? { before: edge.id } : { after: edge.id });
      if (generation !== this.#generation) return false;
      this.#window = older
        ? windows.prepend(this.#window, page.messages, page.hasOlder ?? false)
        : windows.append(this.#window, page.messages, page.hasNewer ?? false);
      this.#took(page);
      this.#needs.changed();
      return true;
    } catch (error) {
      if (generation !== this.#generation) return false;
      throw error;
    }
  }

  /** After a page has become part of the window. */
  #took(page: Page): void {
    page.messages.forEach(this.#needs.met);
    this.#window = windows.add(this.#window, page.arrived);
    this.#newestKnown = newerId(this.#newestKnown, this.#window.messages.at(-1)?.id);
    if (this.#window.hasNewer) this.#newestKnown = newerId(this.#newestKnown, this.#needs.lastMessageId());
    this.#needs.remember(page.messages.map(({ author }) => author));
    void this.#refetch(page.touched);
  }

  /** Of a message that is held. Rejects when the server refuses; what is shown is then as before. */
  async toggleReaction(messageId: Id, emoji: string): Promise<void> {
    const message = windows.find(this.#window, messageId);
    if (message) await this.#intents.toggle(message, emoji);
  }

  /** In their order. */
  apply(pushes: readonly Push[]): void {
    let created: Message[] = [];
    const arrive = () => {
      if (created.length > 0) this.arrive(created);
      created = [];
    };
    for (const push of pushes) {
      if (push.kind === "created") {
        created.push(push.message);
      } else {
        arrive();
        this.#applyChange(push);
      }
    }
    arrive();
    this.#needs.changed();
  }

  #applyChange(push: Exclude<Push, { kind: "created" }>): void {
    if (push.kind === "updated") {
      this.#history.touched(push.message.id);
      this.#window = windows.edit(this.#window, push.message);
      return;
    }
    const { messageId } = push;
    if (push.kind === "deleted") return this.#delete(messageId);
    this.#history.touched(messageId);
    this.#window = windows.update(this.#window, messageId, (message) => {
      if (push.kind === "reaction") {
        return withReaction(message, push.emoji, push.userId === this.#needs.meId(), push.present);
      }
      return message.pinned === push.pinned ? message : { ...message, pinned: push.pinned };
    });
  }

  #delete(messageId: Id): void {
    this.#history.deleted(messageId);
    this.#needs.deleted(messageId);
    this.#window = windows.remove(this.#window, messageId);
  }

  /** Messages that may be new, oldest first; `missedAfter`: the newest one known before something was missed. */
  arrive(messages: readonly Message[], missedAfter?: Id): void {
    const fresh: Message[] = [];
    for (const message of messages) {
      if (this.#history.wasDeleted(message.id)) continue;
      this.#history.arrived(message);
      this.#needs.met(message);
      // One that is held has been read from the server, with the reader's own view: a push knows less.
      if (!this.has(message.id)) fresh.push(message);
    }
    if (!this.#loaded && this.#window.messages.length === 0) return;
    this.#arrived(fresh, missedAfter ?? this.#newestKnown, missedAfter === undefined);
    this.#window = windows.add(this.#window, fresh);
    this.#needs.remember(fresh.map(({ author }) => author));
    this.#trim();
  }

  #arrived(messages: readonly Message[], after: Id | null, live: boolean): void {
    const newer = messages.filter(({ id }) => after === null || compareIds(id, after) > 0);
    for (const { id } of newer) this.#newestKnown = newerId(this.#newestKnown, id);
    this.#needs.arrived(newer, live);
  }

  /** Arrived messages push out the end that the reader is farther away from. */
  #trim(): void {
    const { messages } = this.#window;
    if (messages.length <= windows.WINDOW_MESSAGES_MAX) return;
    const anchorId = this.#needs.anchorId();
    const amongOldest = anchorId !== null && windows.indexOf(messages, anchorId) < messages.length / 2;
    this.#window = amongOldest
      ? windows.dropNewest(this.#window, KEPT_MESSAGES)
      : windows.dropOldest(this.#window, KEPT_MESSAGES);
  }

  /** Something may have been missed, until `synced`: what changes meanwhile may or may not be in that answer. */
  syncStarts(): void {
    this.#syncing ??= this.#history.watch();
  }

  /** Rejects when the window has to be read again and cannot; it is `stale` then. */
  async synced(
    missed: SyncResult["channels"][Id] | undefined,
    changed: SyncResult["changed"],
    cursor: Id,
  ): Promise<void> {
    const touched = this.#syncEnds();
    if (!missed || !this.#loaded) return;
    for (const { kind, messageId } of changed) {
      if (kind === "deleted") this.#delete(messageId);
      else touched.add(messageId);
    }
    // An incomplete answer would leave a gap.
    if (missed.complete) this.arrive(missed.messages.toReversed(), cursor);
    this.#needs.changed();
    await (missed.complete ? this.#refetch(touched) : this.reload(cursor));
  }

  #syncEnds(): Set<Id> {
    const touched = this.#syncing?.touched ?? new Set();
    if (this.#syncing) this.#history.unwatch(this.#syncing);
    this.#syncing = null;
    return touched;
  }

  /** Asks for messages again of which it is not known how they are now. Does not reject. */
  async #refetch(messageIds: ReadonlySet<Id>, rounds = REFETCH_ROUNDS): Promise<void> {
    let wanted = [...messageIds].filter((id) => this.has(id)).sort(compareIds);
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
      if (!isTransient(error)) return;
      this.stale = true;
      return this.#needs.failed(error);
    }
    if (again.size > 0) await this.#refetch(again, rounds - 1);
  }

  #refetched(page: Page, wanted: readonly Id[]): void {
    const fetched = new Map(page.messages.map((message) => [message.id, message]));
    for (const id of wanted) {
      const message = fetched.get(id);
      if (message) this.#window = windows.update(this.#window, id, (held) => windows.laterOf(held, message));
      else this.#delete(id);
    }
    this.#needs.changed();
  }

  #update(messageId: Id, change: (message: Message) => Message): void {
    this.#window = windows.update(this.#window, messageId, change);
    this.#needs.changed();
  }
}
