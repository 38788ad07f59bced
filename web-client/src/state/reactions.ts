/**
 * Reactions of messages, as the reader sees them. Pushes say who reacted but never `me`; the reader's own are known
 * from the answers of the server, and shown before they are answered.
 */
import type { Client } from "../protocol/api";
import type { Id, Message } from "../protocol/contract";

export function reactedByMe(message: Message, emoji: string): boolean {
  return message.reactions.some((reaction) => reaction.emoji === emoji && reaction.me);
}

/** Adds or takes away one person's reaction. The reader's own counts once, however often it is reported. */
export function withReaction(message: Message, emoji: string, mine: boolean, present: boolean): Message {
  if (mine && reactedByMe(message, emoji) === present) return message;
  const step = present ? 1 : -1;
  const held = message.reactions.find((reaction) => reaction.emoji === emoji);
  if (!held) {
    if (!present) return message;
    return { ...message, reactions: [...message.reactions, { emoji, count: 1, me: mine }] };
  }
  const changed = { emoji, count: held.count + step, me: mine ? present : held.me };
  const reactions = message.reactions.flatMap((reaction) =>
    reaction !== held ? [reaction] : changed.count > 0 ? [changed] : [],
  );
  return { ...message, reactions };
}

interface Intent {
  messageId: Id;
  emoji: string;
  wanted: boolean;
  settled: Promise<void>;
}

interface Needs {
  client: Pick<Client, "request">;
  channelId: Id;
  /** An intent was made, changed or given up: what is shown may differ. */
  changed: () => void;
  /** The server has agreed. */
  accepted: (messageId: Id, emoji: string, present: boolean) => void;
}

/**
 * Reactions that the reader has chosen and the server has not confirmed. They lie over the messages instead of
 * being written into them, so a refusal leaves nothing behind and a push cannot count one twice.
 */
export class ReactionIntents {
  readonly #needs: Needs;
  readonly #intents = new Map<string, Intent>();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  over(message: Message): Message {
    if (this.#intents.size === 0) return message;
    let shown = message;
    for (const { messageId, emoji, wanted } of this.#intents.values()) {
      if (messageId === message.id) shown = withReaction(shown, emoji, true, wanted);
    }
    return shown;
  }

  /** Rejects when the server refuses; what is shown is then as before. */
  toggle(message: Message, emoji: string): Promise<void> {
    const key = `${message.id} ${emoji}`;
    const wanted = !reactedByMe(this.over(message), emoji);
    const running = this.#intents.get(key);
    if (running) {
      running.wanted = wanted;
      this.#needs.changed();
      return running.settled;
    }
    const intent: Intent = { messageId: message.id, emoji, wanted, settled: Promise.resolve() };
    this.#intents.set(key, intent);
    intent.settled = this.#settle(key, intent);
    this.#needs.changed();
    return intent.settled;
  }

  /** One request at a time, until the server has what the reader wants by then. */
  async #settle(key: string, intent: Intent): Promise<void> {
    const { client, channelId } = this.#needs;
    const { messageId, emoji } = intent;
    try {
      for (;;) {
        const present = intent.wanted;
        await client.request(present ? "reaction:add" : "reaction:remove", { channelId, messageId, emoji });
        this.#needs.accepted(messageId, emoji, present);
        if (intent.wanted === present) break;
      }
    } finally {
      this.#intents.delete(key);
      this.#needs.changed();
    }
  }
}
