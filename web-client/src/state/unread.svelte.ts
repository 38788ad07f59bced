/**
 * What waits to be read, by channel. Components read two small reactive maps; the bookkeeping behind them is plain
 * and reaches them once a frame.
 *
 * Until the server has said how it is (`knows`) it is shown as it was the last time, and nothing counts as read. Of the
 * channels of a group that did not fit into `ready` it says so a moment later.
 */
import { SvelteMap } from "svelte/reactivity";
import type { Client } from "../protocol/api";
import { compareIds } from "../protocol/ids";
import { readFrom } from "../protocol/opening";
import type { Channel, Id, Member, Message, ReadState, Ready } from "../protocol/contract";
import type { Unread } from "./api";
import { Batch } from "./frame";
import { RecentIds } from "./recentIds";
import * as states from "./read-states";
import { ReadMarker } from "./readMarker";
import type { ReadStates, Tail } from "./timelineDependencies";

/** Deleted messages that are remembered, so that an answer which was on its way does not bring them back. */
const DELETED_MAX = 1_000;
/** Where what waits is not known: so many messages are looked at. */
const LOOK_MAX = 100;

type Known = Pick<Ready, "groups" | "directChannels" | "readStates">;

interface Parts {
  client: Client;
  meId: () => Id | null;
  channel: (id: Id) => Channel | undefined;
  channelsOf: (groupId: Id) => readonly Channel[];
  membership: (groupId: Id) => Member | undefined;
  muted: (channelId: Id) => boolean;
  /** By the reader's word. */
  markedRead?: (channelId: Id) => void;
}

export class UnreadState implements Unread, ReadStates {
  readonly #parts: Parts;
  readonly #marker: ReadMarker;
  readonly #newest = new Map<Id, states.Newest>();
  readonly #entries = new Map<Id, states.ReadEntry>();
  readonly #deleted = new RecentIds(DELETED_MAX);
  readonly #changed = new Set<Id>();
  readonly #show = new Batch(() => this.#publish());
  /** `ready` has come. */
  #ready = false;
  /** Channels that the last `ready` left out: what is here of them is from before. */
  readonly #awaited = new Set<Id>();

  readonly #waiting = new SvelteMap<Id, boolean>();
  readonly #mentionCounts = new SvelteMap<Id, number>();
  /** Of direct channels only, which are sorted by it. */
  readonly #newestDirect = new SvelteMap<Id, Id>();
  readonly #totalMentions = $derived.by(() => {
    let total = 0;
    for (const channelId of this.#mentionCounts.keys()) {
      if (this.#parts.channel(channelId)) total += this.mentions(channelId);
    }
    return total;
  });

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client } = parts;
    this.#marker = new ReadMarker({
      client,
      untold: (channelId) => this.#untold(channelId),
      answered: (readState) => this.#merge(readState),
      refused: (channelId) => this.#refused(channelId),
    });
    client.on("message:created", (message) => this.#created(message));
    client.on("sent", (_, message) => this.#created(message));
    client.on("message:deleted", ({ channelId, messageId, lastMessageId }) => {
      this.#deletedFrom(channelId, messageId, lastMessageId);
    });
    client.on("channel:created", (channel) => this.#channel(channel));
    client.on("group:created", ({ channels }) => channels.forEach((channel) => this.#channel(channel)));
    client.on("groupCompleted", (group) => this.#completed(group));
    client.on("readState:updated", (readState) => this.apply(readState));
    client.on("synced", ({ channels, changed }) => {
      for (const { channelId, messageId, kind } of changed)
        if (kind === "deleted") this.#deletedFrom(channelId, messageId, undefined);
      for (const { messages } of Object.values(channels))
        messages.forEach((message) => this.#created(message));
    });
    // Not there outside of browsers.
    globalThis.addEventListener?.("pagehide", () => this.flush());
  }

  knows(channelId: Id): boolean {
    const here = this.#parts.channel(channelId) !== undefined;
    return this.#ready && here && !this.#awaited.has(channelId);
  }

  has(channelId: Id): boolean {
    return (this.#waiting.get(channelId) ?? false) && !this.#parts.muted(channelId);
  }

  mentions(channelId: Id): number {
    return this.#parts.muted(channelId) ? 0 : (this.#mentionCounts.get(channelId) ?? 0);
  }

  groupHas(groupId: Id): boolean {
    return this.#parts.channelsOf(groupId).some(({ id }) => this.has(id));
  }

  groupMentions(groupId: Id): number {
    return this.#parts.channelsOf(groupId).reduce((sum, { id }) => sum + this.mentions(id), 0);
  }

  get totalMentions(): number {
    return this.#totalMentions;
  }

  async markRead(channelId: Id): Promise<void> {
    this.#readToEnd(channelId);
    this.#marker.flush();
  }

  async markAllRead(): Promise<void> {
    for (const channelId of this.#newest.keys()) {
      if (this.#isUnread(channelId)) this.#readToEnd(channelId);
    }
    this.#marker.flush();
  }

  /** Read up to here; null if that is not known. Not reactive. */
  lastReadId(channelId: Id): Id | null {
    const entry = this.#entries.get(channelId);
    const channel = this.#parts.channel(channelId);
    const membership = channel?.groupId === undefined ? undefined : this.#parts.membership(channel.groupId);
    return readFrom(channel, entry, membership);
  }

  /** For the order of the direct channels. */
  newestId(channelId: Id): Id | undefined {
    return this.#newestDirect.get(channelId);
  }

  /** The newest message known, whoever wrote it. Not reactive. */
  lastMessageId(channelId: Id): Id | undefined {
    return this.#newestOf(channelId).id ?? undefined;
  }

  /** The message has been in view. */
  seen(channelId: Id, messageId: Id): void {
    if (!this.knows(channelId)) return;
    const last = this.lastReadId(channelId);
    if (last !== null && compareIds(messageId, last) <= 0) return;
    this.#readUpTo(channelId, messageId, "seen");
    this.#marker.soon(channelId);
  }

  /** Marks unread what is newer. Resolves when the server knows; taken back if it refuses. */
  async setBack(channelId: Id, messageId: Id): Promise<void> {
    const before = this.#entries.get(channelId);
    const entry = states.setBackTo(before, messageId);
    this.#set(channelId, entry);
    try {
      await this.#marker.set(channelId, messageId);
    } catch (error) {
      if (this.#entries.get(channelId) === entry) this.#set(channelId, before);
      throw error;
    }
  }

  /** The newest messages of a channel were read from the server. */
  ends(channelId: Id, { newestId, foreignId }: Tail): void {
    const known = this.#newestOf(channelId);
    const foreign = foreignId === undefined ? known.foreignId : foreignId;
    if (known.id === newestId && known.foreignId === foreign) return;
    this.#newest.set(channelId, { id: newestId, foreignId: foreign });
    this.#touch(channelId);
  }

  /** What waits to be told is told now. */
  flush(): void {
    this.#marker.flush();
  }

  /** The server's read state, as a push. */
  apply(readState: ReadState): void {
    if (!this.#marker.overtook(readState)) this.#merge(readState);
  }

  /** How the server has it, or (`cached`) had it the last time. */
  applyReady({ groups, directChannels, readStates }: Known, cached = false): void {
    this.#ready ||= !cached;
    this.#marker.connected();
    const channels = [...groups.flatMap((group) => group.channels ?? []), ...directChannels];
    if (!cached) this.#await(groups.filter(({ partial }) => partial));
    for (const channel of channels)
      this.#newest.set(channel.id, states.ofChannel(this.#newestOf(channel.id), channel));
    this.#mergeAll(channels, readStates);
    this.#marker.flush();
  }

  #await(groups: readonly { id: Id }[]): void {
    this.#awaited.clear();
    for (const group of groups) this.#parts.channelsOf(group.id).forEach(({ id }) => this.#awaited.add(id));
  }

  /** What `ready` left out of a group; its channels have been announced. */
  #completed({ channels, readStates }: Pick<Ready, "readStates"> & { channels: readonly Channel[] }): void {
    for (const { id } of channels) this.#awaited.delete(id);
    this.#mergeAll(channels, readStates);
  }

  #mergeAll(channels: readonly Channel[], readStates: readonly ReadState[]): void {
    const stateOf = new Map(readStates.map((readState) => [readState.channelId, readState]));
    for (const { id } of channels) {
      // Those without one have none: what was remembered of them is not true any more.
      this.#merge(stateOf.get(id) ?? { channelId: id, lastReadId: null, mentionCount: 0 });
      // What it does not know yet, because the connection was lost meanwhile.
      if (this.#untold(id) !== null) this.#marker.soon(id);
    }
  }

  snapshot(): ReadState[] {
    const states = [...this.#entries].map(([channelId, { lastReadId, mentionCount }]) => ({
      channelId,
      lastReadId,
      mentionCount,
    }));
    return states.filter(({ channelId }) => this.#parts.channel(channelId) !== undefined);
  }

  forget(channelIds: Iterable<Id>): void {
    for (const id of channelIds) {
      this.#marker.forget(id);
      for (const known of [this.#newest, this.#entries, this.#changed, this.#awaited]) known.delete(id);
      for (const shown of [this.#waiting, this.#mentionCounts, this.#newestDirect]) shown.delete(id);
    }
  }

  clear(): void {
    this.#ready = false;
    this.#awaited.clear();
    this.#show.cancel();
    this.forget([...this.#newest.keys(), ...this.#entries.keys(), ...this.#waiting.keys()]);
  }

  #newestOf(channelId: Id): states.Newest {
    return this.#newest.get(channelId) ?? states.NO_MESSAGES;
  }

  #isUnread(channelId: Id): boolean {
    return states.isUnread(this.#newestOf(channelId), this.lastReadId(channelId));
  }

  /** Sending is no reading for the server: without telling it the channel would wait again after a reload. */
  #created({ channelId, id, author }: Message): void {
    if (this.#deleted.has(id)) return;
    const mine = author.id === this.#parts.meId();
    const wasUnread = this.#isUnread(channelId);
    this.#newest.set(channelId, states.withMessage(this.#newestOf(channelId), id, mine));
    this.#touch(channelId);
    if (!mine || wasUnread || !this.knows(channelId)) return;
    this.#readUpTo(channelId, id, "seen");
    this.#marker.later(channelId);
  }

  #deletedFrom(channelId: Id, messageId: Id, left: Id | null | undefined): void {
    this.#deleted.add(messageId);
    const before = this.#newestOf(channelId);
    const sure = left && this.#deleted.has(left) ? undefined : left;
    const now = states.withoutMessage(before, messageId, sure);
    this.#newest.set(channelId, now);
    this.#touch(channelId);
    if (sure === undefined && now.foreignId !== before.foreignId) void this.#look(channelId);
  }

  /** Asks the server what waits, where that cannot be known here: which message is the newest of others. */
  async #look(channelId: Id): Promise<void> {
    const after = this.lastReadId(channelId) ?? "0";
    if (!this.#isUnread(channelId)) return;
    const before = this.#newestOf(channelId);
    try {
      const { messages, hasMore } = await this.#parts.client.request("message:list", {
        channelId,
        after,
        limit: LOOK_MAX,
      });
      // What has come by since is newer.
      if (hasMore || this.#newestOf(channelId) !== before) return;
      const foreign = messages.find(({ author }) => author.id !== this.#parts.meId());
      this.ends(channelId, { newestId: messages[0]?.id ?? after, foreignId: foreign?.id ?? null });
    } catch {
      // It stays as it is until the next `ready`.
    }
  }

  #channel(channel: Channel): void {
    this.#newest.set(channel.id, states.withChannel(this.#newestOf(channel.id), channel));
    this.#touch(channel.id);
  }

  #merge(readState: ReadState): void {
    const { channelId } = readState;
    const entry = this.#entries.get(channelId);
    this.#set(channelId, states.mergeReadState(entry, readState, this.#newestOf(channelId)));
  }

  /** Nothing waits any more, whatever was deleted since. */
  #readToEnd(channelId: Id): void {
    const { id } = this.#newestOf(channelId);
    if (id === null) return;
    this.#readUpTo(channelId, id, "marked");
    this.#marker.soon(channelId);
    this.#parts.markedRead?.(channelId);
  }

  #readUpTo(channelId: Id, messageId: Id, how: "seen" | "marked"): void {
    const entry = this.#entries.get(channelId);
    this.#set(channelId, states.readUpTo(entry, messageId, this.#newestOf(channelId), how));
  }

  /** Nothing before the server has said how it is: another device may have set the channel back. */
  #untold(channelId: Id): Id | null {
    if (!this.knows(channelId)) return null;
    const entry = this.#entries.get(channelId);
    return entry?.unconfirmed === "seen" || entry?.unconfirmed === "marked" ? entry.lastReadId : null;
  }

  #refused(channelId: Id): void {
    const entry = this.#entries.get(channelId);
    if (entry) this.#set(channelId, states.refused(entry));
  }

  #set(channelId: Id, entry: states.ReadEntry | undefined): void {
    if (entry) this.#entries.set(channelId, entry);
    else this.#entries.delete(channelId);
    this.#touch(channelId);
  }

  #touch(channelId: Id): void {
    this.#changed.add(channelId);
    this.#show.ask();
  }

  #publish(): void {
    for (const channelId of this.#changed) {
      this.#waiting.set(channelId, this.#isUnread(channelId));
      this.#mentionCounts.set(channelId, this.#entries.get(channelId)?.mentionCount ?? 0);
      const newest = this.#newestOf(channelId).id;
      const isDirect = this.#parts.channel(channelId)?.type === "direct";
      if (isDirect && newest !== null) this.#newestDirect.set(channelId, newest);
    }
    this.#changed.clear();
  }
}
