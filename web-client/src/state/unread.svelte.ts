/**
 * What waits to be read, by channel. Components read two small reactive maps; the bookkeeping behind them is plain
 * and reaches them once a frame.
 *
 * Timelines tell the server themselves what was seen in them; here that is assumed until the answer comes.
 */
import { SvelteMap } from "svelte/reactivity";
import type { Client } from "../protocol/api";
import type { Channel, Id, Member, Message, ReadState } from "../protocol/contract";
import type { Unread } from "./api";
import { after, Batch } from "./frame";
import * as states from "./read-states";

/** Reading goes on while one scrolls: one request for all of it. */
const SEND_AFTER_MS = 400;

interface Parts {
  client: Client;
  meId: () => Id | null;
  channel: (id: Id) => Channel | undefined;
  channelsOf: (groupId: Id) => readonly Channel[];
  membership: (groupId: Id) => Member | undefined;
  muted: (channelId: Id) => boolean;
}

export class UnreadState implements Unread {
  readonly #parts: Parts;
  readonly #newest = new Map<Id, states.Newest>();
  readonly #entries = new Map<Id, states.ReadEntry>();
  /** Read here, and the server is still to be told. */
  readonly #unsent = new Set<Id>();
  readonly #changed = new Set<Id>();
  readonly #show = new Batch(() => this.#publish());
  readonly #send = new Batch(() => this.#sendAll(), after(SEND_AFTER_MS));

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
    client.on("message:created", (message) => this.#created(message));
    client.on("sent", (_, message) => this.#sent(message));
    client.on("message:deleted", ({ channelId, messageId }) => this.#deleted(channelId, messageId));
    client.on("channel:created", (channel) => this.#channel(channel));
    client.on("readState:updated", (readState) => this.apply(readState));
    client.on("synced", ({ channels }) => {
      for (const { messages } of Object.values(channels))
        messages.forEach((message) => this.#created(message));
    });
    window.addEventListener("pagehide", () => this.#send.flush());
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
    this.readToEnd(channelId);
    this.#send.flush();
  }

  async markAllRead(): Promise<void> {
    for (const channelId of this.#newest.keys()) {
      if (this.#isUnread(channelId)) this.readToEnd(channelId);
    }
    this.#send.flush();
  }

  /** Read up to here; null if nothing was, and nothing had to be. Not reactive. */
  lastReadId(channelId: Id): Id | null {
    const groupId = this.#parts.channel(channelId)?.groupId;
    const membership = groupId === undefined ? undefined : this.#parts.membership(groupId);
    return states.readFrom(this.#entries.get(channelId), membership);
  }

  /** For the order of the direct channels. */
  newestId(channelId: Id): Id | undefined {
    return this.#newestDirect.get(channelId);
  }

  /** The newest message known, whoever wrote it. Not reactive. */
  lastMessageId(channelId: Id): Id | undefined {
    return this.#newestOf(channelId).id ?? undefined;
  }

  /** Read up to here, or back to here when marked unread; holds until the server answers (`apply`). */
  assumeRead(channelId: Id, messageId: Id): void {
    const entry = states.assumed(this.#entries.get(channelId), messageId, this.#newestOf(channelId));
    this.#unsent.delete(channelId);
    this.#set(channelId, entry);
  }

  /** The server's read state, as an answer or a push. */
  apply(readState: ReadState): void {
    const { channelId } = readState;
    const entry = this.#entries.get(channelId);
    this.#set(channelId, states.mergeReadState(entry, readState, this.#newestOf(channelId)));
  }

  /** Nothing waits any more, whatever was deleted since. The server is told soon. */
  readToEnd(channelId: Id): void {
    const { id } = this.#newestOf(channelId);
    if (id === null) return;
    const entry = states.readUpTo(this.#entries.get(channelId), id, this.#newestOf(channelId));
    this.#set(channelId, entry);
    if (entry.unconfirmed !== "forward") return;
    this.#unsent.add(channelId);
    this.#send.ask();
  }

  applyReady(channels: Iterable<Channel>, readStates: readonly ReadState[]): void {
    for (const channel of channels) this.#channel(channel);
    for (const readState of readStates) this.apply(readState);
    // What the server does not know yet, because the connection was lost meanwhile.
    for (const [channelId, entry] of this.#entries) {
      if (entry.unconfirmed === "forward") this.#unsent.add(channelId);
    }
    if (this.#unsent.size > 0) this.#send.ask();
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
      for (const known of [this.#newest, this.#entries, this.#unsent, this.#changed]) known.delete(id);
      for (const shown of [this.#waiting, this.#mentionCounts, this.#newestDirect]) shown.delete(id);
    }
  }

  clear(): void {
    this.#show.cancel();
    this.#send.cancel();
    this.forget([...this.#newest.keys(), ...this.#entries.keys(), ...this.#waiting.keys()]);
  }

  #newestOf(channelId: Id): states.Newest {
    return this.#newest.get(channelId) ?? states.NO_MESSAGES;
  }

  #isUnread(channelId: Id): boolean {
    return states.isUnread(this.#newestOf(channelId), this.lastReadId(channelId));
  }

  #created(message: Message): void {
    const { channelId, id } = message;
    const mine = message.author.id === this.#parts.meId();
    const wasUnread = this.#isUnread(channelId);
    this.#newest.set(channelId, states.withMessage(this.#newestOf(channelId), id, mine));
    this.#touch(channelId);
    if (mine && !wasUnread) this.assumeRead(channelId, id);
  }

  /** The server does not take sending for reading: without this the channel would wait again after a reload. */
  #sent(message: Message): void {
    this.#created(message);
    if (!this.#isUnread(message.channelId)) this.readToEnd(message.channelId);
  }

  #deleted(channelId: Id, messageId: Id): void {
    this.#newest.set(channelId, states.withoutMessage(this.#newestOf(channelId), messageId));
    this.#touch(channelId);
  }

  #channel(channel: Channel): void {
    this.#newest.set(channel.id, states.withChannel(this.#newestOf(channel.id), channel));
    this.#touch(channel.id);
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

  #sendAll(): void {
    const channelIds = [...this.#unsent];
    this.#unsent.clear();
    for (const channelId of channelIds) void this.#sendOne(channelId);
  }

  async #sendOne(channelId: Id): Promise<void> {
    const entry = this.#entries.get(channelId);
    if (!entry || entry.lastReadId === null || entry.unconfirmed !== "forward") return;
    try {
      const messageId = entry.lastReadId;
      this.apply(await this.#parts.client.request("channel:read", { channelId, messageId }));
    } catch {
      // Stays unconfirmed: the next `ready` sends it again, unless the channel is gone by then.
    }
  }
}
