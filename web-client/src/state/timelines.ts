/**
 * All timelines: listens to the client and hands each push, answer and outbox change to the timeline of its channel.
 * Keeps the ten that were used last.
 */
import type { OutboxEntry } from "../protocol/api";
import type { Id, Message, SyncResult } from "../protocol/contract";
import type * as api from "./api";
import { nextFrame } from "./frame";
import * as page from "./page";
import { listen, type Push } from "./push";
import { PushQueue } from "./pushQueue";
import { Timeline, type Shared } from "./timeline.svelte";
import type { TimelineDependencies } from "./timelineDependencies";

const TIMELINES_MAX = 10;

export class Timelines implements api.Timelines {
  readonly #app: TimelineDependencies;
  readonly #complete: () => boolean;
  readonly #queue: PushQueue<Push>;
  readonly #shared: Shared;
  /** The one used last is the last. */
  readonly #timelines = new Map<Id, Timeline>();
  /**
   * Cursors of the moment when something may have been missed. Pushes that come before the next sync has succeeded
   * must not move them, or what is missing in between would never be asked for.
   */
  readonly #frozen = new Map<Id, Id>();
  /** What the sync under way, or one that failed, was asked for. What is missed from then on is not in its answer. */
  #asked: Record<Id, Id> = {};
  readonly #ends: (() => void)[];

  constructor(app: TimelineDependencies) {
    this.#app = app;
    const { client } = app;
    this.#queue = new PushQueue(
      (pushes) => this.#deliver(pushes),
      app.nextFrame ?? nextFrame,
      app.now ?? Date.now,
    );
    this.#shared = {
      app,
      focused: app.focused ?? page.focused,
      settlePushes: () => this.#queue.flush(),
    };
    this.#complete = app.complete ?? (() => true);
    const check = () => queueMicrotask(() => this.#checkChannels());
    this.#ends = [
      ...listen(client, (push) => this.#heard(push)),
      client.on("outbox", (entries) => this.#outboxChanged(entries)),
      client.on("sent", (entry, message) => this.#sent(entry, message)),
      client.on("synced", (result) => this.#synced(result)),
      client.on("sync:required", () => this.#freeze()),
      client.on("connection", ({ state }) => {
        if (state !== "online" && state !== "draining") this.#freeze();
      }),
      client.on("ready", () => {
        // On a connection that was there, what came before may have had a gap.
        this.#freeze();
        // Later, when the directory and the read states have heard of it, too.
        queueMicrotask(() => this.#connected());
      }),
      client.on("groupCompleted", ({ channels }) => {
        queueMicrotask(() => channels.forEach(({ id }) => this.#timelines.get(id)?.connected()));
      }),
      client.on("readState:updated", ({ channelId }) => {
        queueMicrotask(() => this.#timelines.get(channelId)?.readStateChanged());
      }),
      client.on("completed", check),
      client.on("channel:created", check),
      client.on("channel:deleted", check),
      client.on("group:created", check),
      client.on("group:deleted", check),
      (app.onHidden ?? page.onHidden)(() => this.#hidden()),
    ];
  }

  of(channelId: Id): Timeline {
    let timeline = this.#timelines.get(channelId);
    if (timeline) this.#timelines.delete(channelId);
    else timeline = this.#make(channelId);
    this.#timelines.set(channelId, timeline);
    this.#dropOldest();
    return timeline;
  }

  /** Without making it one of those used last. */
  peek(channelId: Id): Timeline | undefined {
    return this.#timelines.get(channelId);
  }

  /** For `client.setCursors`. */
  cursors(): Record<Id, Id> {
    this.#queue.flush();
    const cursors: Record<Id, Id> = {};
    for (const [channelId, timeline] of this.#timelines) {
      const cursor = this.#cursorOf(channelId, timeline);
      if (cursor === null) continue;
      cursors[channelId] = cursor;
      timeline.syncStarts();
    }
    this.#asked = cursors;
    this.#frozen.clear();
    return cursors;
  }

  #cursorOf(channelId: Id, timeline: Timeline): Id | null {
    return this.#frozen.get(channelId) ?? this.#asked[channelId] ?? timeline.syncCursor;
  }

  async message(channelId: Id, messageId: Id): Promise<Message | null> {
    const held = this.#timelines.get(channelId)?.message(messageId);
    if (held) return held;
    const around = { channelId, around: messageId, limit: 1 };
    const { messages } = await this.#app.client.request("message:list", around);
    return messages.find(({ id }) => id === messageId) ?? null;
  }

  /** Somebody else signs in, or nobody: forgets everything. */
  reset(): void {
    for (const timeline of this.#timelines.values()) timeline.dispose();
    this.#timelines.clear();
    this.#frozen.clear();
    this.#queue.clear();
    this.#asked = {};
  }

  /** Stops listening. */
  dispose(): void {
    this.reset();
    for (const end of this.#ends) end();
  }

  #make(channelId: Id): Timeline {
    const timeline = new Timeline(channelId, this.#shared);
    // Not at once: it may be made while Svelte computes.
    queueMicrotask(() => {
      const entries = this.#app.client.outbox.entries();
      timeline.setPending(entries.filter((entry) => entry.channelId === channelId));
    });
    return timeline;
  }

  #dropOldest(): void {
    for (const [channelId, timeline] of this.#timelines) {
      if (this.#timelines.size <= TIMELINES_MAX) return;
      timeline.save();
      timeline.dispose();
      this.#timelines.delete(channelId);
      this.#frozen.delete(channelId);
      delete this.#asked[channelId];
    }
  }

  #heard(push: Push): void {
    if (this.#timelines.has(push.channelId)) this.#queue.add(push);
  }

  #deliver(pushes: readonly Push[]): void {
    const byChannel = groupBy(pushes, (push) => push.channelId);
    for (const [channelId, ofChannel] of byChannel) this.#timelines.get(channelId)?.apply(ofChannel);
  }

  #outboxChanged(entries: readonly OutboxEntry[]): void {
    const byChannel = groupBy(entries, (entry) => entry.channelId);
    for (const [channelId, timeline] of this.#timelines) timeline.setPending(byChannel.get(channelId) ?? []);
  }

  #sent(entry: OutboxEntry, message: Message): void {
    this.#queue.flush();
    this.#timelines.get(entry.channelId)?.sent(entry, message);
  }

  #freeze(): void {
    this.#queue.flush();
    for (const [channelId, timeline] of this.#timelines) {
      const cursor = this.#cursorOf(channelId, timeline);
      if (cursor === null) continue;
      this.#frozen.set(channelId, cursor);
      timeline.syncStarts();
    }
  }

  #synced(result: SyncResult): void {
    this.#queue.flush();
    const changed = groupBy(result.changed, (change) => change.channelId);
    for (const [channelId, timeline] of this.#timelines) {
      const cursor = this.#asked[channelId];
      if (cursor === undefined) continue;
      timeline.synced(result.channels[channelId], changed.get(channelId) ?? [], cursor);
    }
    this.#asked = {};
  }

  #connected(): void {
    this.#checkChannels();
    for (const timeline of this.#timelines.values()) timeline.connected();
  }

  /** The directory knows which channels there are for the reader. */
  #checkChannels(): void {
    for (const [channelId, timeline] of this.#timelines) {
      const known = this.#app.directory.channel(channelId) !== undefined;
      if (!known && this.#complete()) timeline.gone();
      else if (known && timeline.state === "gone") timeline.retry();
    }
  }

  #hidden(): void {
    this.#app.reads.flush();
    for (const timeline of this.#timelines.values()) timeline.save();
  }
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => Id): Map<Id, Item[]> {
  const groups = new Map<Id, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
