/** The composers of all channels: made when asked for, kept for the session, drafts restored from the cache. */
import { SvelteSet } from "svelte/reactivity";
import type { Id } from "../protocol/contract";
import type * as api from "./api";
import type { Draft } from "./cache";
import { Composer } from "./composer.svelte";
import * as page from "./page";
import { personal } from "./storage";
import type { ComposerDependencies } from "./timelineDependencies";
import type { Timelines } from "./timelines";

/** Drafts of the moment the page was hidden, as `[channelId, draft]`. */
const LAST_WORDS = "drafts";

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
      (app.onHidden ?? page.onHidden)(() => this.#saveNow()),
    ];
  }

  /** Reads the drafts, once the cache is open. */
  async load(): Promise<void> {
    this.#restored = await this.#app.cache.drafts();
    this.#takeLastWords();
    for (const [channelId, draft] of this.#restored) {
      this.#drafted.add(channelId);
      this.#composers.get(channelId)?.restore(draft);
    }
  }

  /** IndexedDB does not finish what begins while a page goes away, so the last words are kept beside it as well. */
  #saveNow(): void {
    const words = [...this.#composers].map(
      ([channelId, composer]) => [channelId, composer.saveNow()] as const,
    );
    const last = words.filter(([, draft]) => draft !== undefined);
    personal.write(LAST_WORDS, last.length > 0 ? last : undefined);
  }

  #takeLastWords(): void {
    for (const [channelId, draft] of personal.read<[Id, Draft | null][]>(LAST_WORDS, [])) {
      if (draft) this.#restored.set(channelId, draft);
      else this.#restored.delete(channelId);
      void this.#app.cache.saveDraft(channelId, draft);
    }
    personal.write(LAST_WORDS, undefined);
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
