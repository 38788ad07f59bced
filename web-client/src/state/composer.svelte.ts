/**
 * What is being written in one channel: the draft with its reply target, and the edit of an own message, during
 * which the draft waits. Sending is the outbox's; mentions are already written as `<@id>` by the UI.
 */
import type { OutboxEntry } from "../protocol/api";
import type { Id, Message } from "../protocol/contract";
import type * as api from "./api";
import type { Draft } from "./cache";
import { secondsUntil, slowModeEnds } from "./slowMode";
import type { ComposerDependencies } from "./timelineDependencies";
import type { Timelines } from "./timelines";

const TYPING_INTERVAL_MS = 8_000;
const SAVE_WAIT_MS = 500;

export interface ComposerParts {
  app: ComposerDependencies;
  timelines: Pick<Timelines, "of" | "peek">;
  now: () => number;
  /** The draft has changed; null when there is none any more. */
  drafted: (draft: Draft | null) => void;
}

export class Composer implements api.Composer {
  readonly channelId: Id;
  readonly #parts: ComposerParts;
  #text = $state("");
  #replyTo: Message | null = $state.raw(null);
  #editing: Message | null = $state.raw(null);
  #remaining = $state(0);
  /** What waits while an own message is edited. */
  #waiting: Draft | null = null;
  #saving = false;
  #typedAt = -Infinity;
  #lastSentAt: number | null = null;
  #entries: readonly OutboxEntry[] = [];
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #slowTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(channelId: Id, parts: ComposerParts) {
    this.channelId = channelId;
    this.#parts = parts;
  }

  get text(): string {
    return this.#text;
  }

  set text(text: string) {
    if (text === this.#text) return;
    this.#text = text;
    if (!this.#editing) this.#draftChanged();
  }

  get replyTo(): Message | null {
    return this.#replyTo;
  }

  set replyTo(message: Message | null) {
    // A reply is a new message, so an edit ends.
    if (this.#editing) this.#stopEditing();
    this.#replyTo = message;
    this.#draftChanged();
  }

  get editing(): Message | null {
    return this.#editing;
  }

  get slowModeSeconds(): number {
    const { directory } = this.#parts.app;
    const slow = (directory.channel(this.channelId)?.slowModeSeconds ?? 0) > 0;
    return slow && !directory.may(this.channelId, "manageMessages") ? this.#remaining : 0;
  }

  startEditing(message: Message): void {
    if (!this.#editing) this.#waiting = { text: this.#text, replyTo: this.#replyTo };
    this.#editing = message;
    this.#text = message.content;
    this.#replyTo = null;
  }

  editLast(): void {
    const message = this.#parts.timelines.peek(this.channelId)?.lastOwnMessage();
    if (message) this.startEditing(message);
  }

  cancel(): void {
    if (this.#editing) this.#stopEditing();
    else this.replyTo = null;
  }

  async submit(): Promise<void> {
    if (this.#editing) return this.#submitEdit(this.#editing);
    const content = this.#content();
    if (content === null || this.slowModeSeconds > 0) return;
    const replyToId = this.#replyTo?.id ?? null;
    this.#text = "";
    this.#replyTo = null;
    this.#draftChanged();
    this.saveNow();
    this.#typedAt = -Infinity;
    this.#parts.app.client.outbox.add({ channelId: this.channelId, content, replyToId });
    // Where the row of the message is; it shows there, whether or not the newest ones can be read now.
    this.#parts.timelines
      .of(this.channelId)
      .jumpToPresent()
      .catch(() => {});
  }

  typed(): void {
    const { now, app } = this.#parts;
    if (this.#editing || !this.#text.trim() || now() - this.#typedAt < TYPING_INTERVAL_MS) return;
    this.#typedAt = now();
    app.client.volatile("typing:start", { channelId: this.channelId });
  }

  // Called by `Composers`

  /** A draft from the cache; what was typed meanwhile wins. */
  restore(draft: Draft): void {
    if (this.#text || this.#replyTo || this.#editing) return;
    this.#text = draft.text;
    this.#replyTo = draft.replyTo;
  }

  outboxChanged(entries: readonly OutboxEntry[]): void {
    this.#entries = entries.map((entry) => ({ ...entry }));
    this.#countDown();
  }

  /** A message of the reader was accepted here. */
  sent(): void {
    this.#lastSentAt = this.#parts.now();
    this.#countDown();
  }

  /** The channel's settings may have changed. */
  channelUpdated(): void {
    this.#countDown();
  }

  /** Answers what had to be saved; undefined if nothing had to. */
  saveNow(): Draft | null | undefined {
    if (!this.#saving) return undefined;
    this.#saving = false;
    clearTimeout(this.#saveTimer);
    const draft = this.#draft();
    void this.#parts.app.cache.saveDraft(this.channelId, draft);
    return draft;
  }

  dispose(): void {
    clearTimeout(this.#saveTimer);
    clearTimeout(this.#slowTimer);
  }

  async #submitEdit(message: Message): Promise<void> {
    const content = this.#content();
    // Emptying a message is deleting it, which the UI asks about.
    if (content === null) return;
    if (content !== message.content) {
      await this.#parts.timelines.of(this.channelId).edit(message.id, content);
    }
    if (this.#editing?.id === message.id) this.#stopEditing();
  }

  #stopEditing(): void {
    this.#editing = null;
    this.#text = this.#waiting?.text ?? "";
    this.#replyTo = this.#waiting?.replyTo ?? null;
    this.#waiting = null;
  }

  /** Null when it cannot be sent: empty or too long. */
  #content(): string | null {
    const content = this.#text.replace(/^\s*\n/, "").trimEnd();
    // By Unicode scalar value, as the server counts.
    return content && [...content].length <= this.#parts.app.contentCharsMax() ? content : null;
  }

  #draft(): Draft | null {
    const draft = this.#editing ? this.#waiting : { text: this.#text, replyTo: this.#replyTo };
    return draft && (draft.text.trim() || draft.replyTo) ? draft : null;
  }

  #draftChanged(): void {
    this.#parts.drafted(this.#draft());
    this.#saving = true;
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => this.saveNow(), SAVE_WAIT_MS);
  }

  /** Ticks once a second for as long as slow mode holds the next message back. */
  #countDown(): void {
    clearTimeout(this.#slowTimer);
    const { app, now } = this.#parts;
    const ends = slowModeEnds({
      intervalSeconds: app.directory.channel(this.channelId)?.slowModeSeconds ?? 0,
      lastSentAt: this.#lastSentAt,
      entries: this.#entries,
    });
    this.#remaining = secondsUntil(ends, now());
    if (this.#remaining === 0) return;
    const untilNext = (ends - now()) % 1000 || 1000;
    this.#slowTimer = setTimeout(() => this.#countDown(), untilNext);
  }
}
