/** The composers of all channels: made when asked for, kept for the session, drafts restored from the cache. */
import { SvelteSet } from "svelte/reactivity";
import type { Id } from "../protocol/contract";
import type * as api from "./api";
import type { Draft } from "./cache";
import { Composer } from "./composer.svelte";
import * as page from "./page";
import type { ComposerDependencies } from "./timelineDependencies";
import type { Timelines } from "./timelines";

export class Composers implements api.Composers {
  readonly #app: ComposerDependencies;
  readonly #timelines: Pick<Timelines, "of" | "peek">;
  readonly #composers = new Map<Id, Composer>();
  /** Channels with a draft. */
  readonly #drafted = new SvelteSet<Id>();
  /** Read from the cache, and not asked for yet. */
  #restored = new Map<Id, Draft>();
  readonly #ends: (() => void)[];

  constructor(app: ComposerDependencies, timelines: Pick<Timelines, "of" | "peek">) {
    this.#app = app;
    this.#timelines = timelines;
    this.#ends = [
      app.client.on("outbox", () => {
        for (const composer of this.#composers.values()) this.#outboxTo(composer);
      }),
      app.client.on("sent", (entry) => this.#composers.get(entry.channelId)?.sent()),
      app.client.on("channel:updated", ({ id }) => {
        // Later, when the directory has heard of it, too.
        queueMicrotask(() => this.#composers.get(id)?.channelUpdated());
      }),
      (app.onHidden ?? page.onHidden)(() => {
        for (const composer of this.#composers.values()) composer.saveNow();
      }),
    ];
  }

  /** Reads the drafts, once the cache is open. */
  async load(): Promise<void> {
    this.#restored = await this.#app.cache.drafts();
    for (const [channelId, draft] of this.#restored) {
      this.#drafted.add(channelId);
      this.#composers.get(channelId)?.restore(draft);
    }
  }

  of(channelId: Id): Composer {
    return this.#composers.get(channelId) ?? this.#make(channelId);
  }

  hasDraft(channelId: Id): boolean {
    return this.#drafted.has(channelId);
  }

  /** Somebody else signs in, or nobody: forgets everything. */
  reset(): void {
    for (const composer of this.#composers.values()) composer.dispose();
    this.#composers.clear();
    this.#restored.clear();
    this.#drafted.clear();
  }

  /** Stops listening. */
  dispose(): void {
    this.reset();
    for (const end of this.#ends) end();
  }

  #make(channelId: Id): Composer {
    const composer = new Composer(channelId, {
      app: this.#app,
      timelines: this.#timelines,
      now: this.#app.now ?? Date.now,
      drafted: (draft) => (draft ? this.#drafted.add(channelId) : this.#drafted.delete(channelId)),
    });
    this.#composers.set(channelId, composer);
    // Not at once: it may be made while Svelte computes.
    queueMicrotask(() => {
      const draft = this.#restored.get(channelId);
      if (draft) composer.restore(draft);
      this.#outboxTo(composer);
    });
    return composer;
  }

  #outboxTo(composer: Composer): void {
    const entries = this.#app.client.outbox.entries();
    composer.outboxChanged(entries.filter((entry) => entry.channelId === composer.channelId));
  }
}
