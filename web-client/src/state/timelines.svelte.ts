/** All timelines: hands each push, answer and outbox change to the timeline of its channel. */
import type { Id, Message } from "../protocol/contract";
import type * as api from "./api";
import { Timeline } from "./timeline.svelte";
import type { TimelineDependencies } from "./timelineDependencies";

export class Timelines implements api.Timelines {
  readonly #app: TimelineDependencies;
  readonly #timelines = new Map<Id, Timeline>();

  constructor(app: TimelineDependencies) {
    this.#app = app;
    app.client.on("message:created", (message) => this.#timelines.get(message.channelId)?.arrived(message));
  }

  of(channelId: Id): Timeline {
    let timeline = this.#timelines.get(channelId);
    if (!timeline) this.#timelines.set(channelId, (timeline = new Timeline(channelId, this.#app)));
    return timeline;
  }

  /** For `client.setCursors`. */
  cursors(): Record<Id, Id> {
    return {};
  }

  /** Somebody else signs in, or nobody: forgets everything. */
  reset(): void {
    this.#timelines.clear();
  }

  async message(_channelId: Id, _messageId: Id): Promise<Message | null> {
    return null;
  }
}
