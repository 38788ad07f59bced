/** One channel's timeline. */
import type { Id, Message, User } from "../protocol/contract";
import type * as api from "./api";
import { buildRows } from "./rows";
import type { TimelineDependencies } from "./timelineDependencies";
import { add, EMPTY, type Window } from "./window";

export class Timeline implements api.Timeline {
  readonly channelId: Id;
  readonly #app: TimelineDependencies;
  #window: Window = EMPTY;
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

  constructor(channelId: Id, app: TimelineDependencies) {
    this.channelId = channelId;
    this.#app = app;
    queueMicrotask(() => void this.#load());
  }

  get tailAttached(): boolean {
    return this.state === "ready" && !this.hasNewer;
  }

  arrived(message: Message): void {
    this.#window = add(this.#window, [message]);
    this.#draw();
  }

  async #load(): Promise<void> {
    try {
      const page = await this.#app.client.request("message:list", { channelId: this.channelId });
      this.#window = { messages: page.messages.toReversed(), hasOlder: page.hasMore, hasNewer: false };
      this.state = "ready";
      this.#draw();
    } catch {
      this.state = "failed";
    }
  }

  #draw(): void {
    this.rows = buildRows(
      {
        messages: this.#window.messages,
        pending: [],
        meId: this.#app.meId(),
        firstUnreadId: this.firstUnreadId,
        complete: !this.#window.hasOlder,
        keyOf: (message) => message.id,
      },
      new Map(),
    );
    this.hasOlder = this.#window.hasOlder;
  }

  scrolled(): void {
    this.scrollTarget = null;
  }
  async loadOlder(): Promise<void> {}
  async loadNewer(): Promise<void> {}
  async jumpTo(_messageId: Id): Promise<void> {}
  async jumpToPresent(): Promise<void> {}
  async jumpToFirstUnread(): Promise<void> {}
  retry(): void {
    void this.#load();
  }
  seen(_messageId: Id): void {}
  atBottom(_value: boolean): void {}
  left(): void {}

  async edit(messageId: Id, content: string): Promise<void> {
    await this.#app.client.request("message:update", { channelId: this.channelId, messageId, content });
  }
  async remove(messageId: Id): Promise<void> {
    await this.#app.client.request("message:delete", { channelId: this.channelId, messageId });
  }
  async toggleReaction(_messageId: Id, _emoji: string): Promise<void> {}
  reactors(messageId: Id, emoji: string): Promise<{ users: User[]; hasMore: boolean }> {
    return this.#app.client.request("reaction:list", { channelId: this.channelId, messageId, emoji });
  }
  async setPinned(messageId: Id, pinned: boolean): Promise<void> {
    await this.#app.client.request(pinned ? "pin:add" : "pin:remove", {
      channelId: this.channelId,
      messageId,
    });
  }
  async pins(): Promise<Message[]> {
    return (await this.#app.client.request("pin:list", { channelId: this.channelId })).messages;
  }
  async markUnreadFrom(_messageId: Id): Promise<void> {}
  retrySend(nonce: string): void {
    this.#app.client.outbox.retry(nonce);
  }
  discardSend(nonce: string): void {
    this.#app.client.outbox.discard(nonce);
  }
}
