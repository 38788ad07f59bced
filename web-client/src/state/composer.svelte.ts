/**
 * What is being written in a channel: the draft, its reply target, and the edit of an own message, during which
 * the draft waits. Drafts survive a reload. Sending itself is the outbox's.
 */
import type { Id, Message } from "../protocol/contract";
import type * as api from "./api";
import type { ComposerDependencies } from "./timelineDependencies";
import type { Timelines } from "./timelines.svelte";

export class Composers implements api.Composers {
  readonly #app: ComposerDependencies;
  readonly #timelines: Timelines;
  readonly #composers = new Map<Id, Composer>();

  constructor(app: ComposerDependencies, timelines: Timelines) {
    this.#app = app;
    this.#timelines = timelines;
  }

  /** Reads the drafts from the cache, once it is open. */
  async load(): Promise<void> {}

  /** Somebody else signs in, or nobody: forgets everything. */
  reset(): void {
    this.#composers.clear();
  }

  of(channelId: Id): Composer {
    let composer = this.#composers.get(channelId);
    if (!composer) {
      composer = new Composer(channelId, this.#app, this.#timelines);
      this.#composers.set(channelId, composer);
    }
    return composer;
  }

  hasDraft(_channelId: Id): boolean {
    return false;
  }
}

export class Composer implements api.Composer {
  readonly channelId: Id;
  readonly #app: ComposerDependencies;
  readonly #timelines: Timelines;
  text = $state("");
  replyTo: Message | null = $state.raw(null);
  editing: Message | null = $state.raw(null);
  slowModeSeconds = $state(0);

  constructor(channelId: Id, app: ComposerDependencies, timelines: Timelines) {
    this.channelId = channelId;
    this.#app = app;
    this.#timelines = timelines;
  }

  startEditing(message: Message): void {
    this.editing = message;
    this.text = message.content;
  }
  editLast(): void {}
  cancel(): void {
    this.replyTo = null;
  }
  async submit(): Promise<void> {
    if (!this.text.trim()) return;
    this.#app.client.outbox.add({
      channelId: this.channelId,
      content: this.text,
      replyToId: this.replyTo?.id ?? null,
    });
    this.text = "";
    this.replyTo = null;
    void this.#timelines.of(this.channelId).jumpToPresent();
  }
  typed(): void {}
}
