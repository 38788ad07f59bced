/** Messages for tests, and a server's answers to `message:list`. */
import { compareIds } from "../../protocol/ids";
import type { Id, Message, MessageList, MessagePage, User } from "../../protocol/contract";

export const CHANNEL: Id = "1000";
export const ME: User = { id: "1", username: "mina", displayName: "Mina", avatar: null };
export const NOOR: User = { id: "2", username: "noor", displayName: "Noor", avatar: null };

/** Noon, so that hours around it are one day in the zones that tests run in. */
export const NOON = new Date(2026, 10, 20, 12).getTime();

export function idAt(time: number, sequence = 0): Id {
  return String((BigInt(time) << 21n) | BigInt(sequence));
}

/** The message of that second after noon. */
export function message(second: number, change: Partial<Message> = {}): Message {
  const time = NOON + second * 1000;
  return {
    id: idAt(time),
    channelId: CHANNEL,
    author: NOOR,
    type: "default",
    content: `m${second}`,
    createdAt: new Date(time).toISOString(),
    mentions: [],
    mentionsEveryone: false,
    attachments: [],
    embeds: [],
    reactions: [],
    pinned: false,
    flags: 0,
    ...change,
  };
}

export const messages = (from: number, to: number): Message[] =>
  Array.from({ length: to - from + 1 }, (_, index) => message(from + index));

/** What the server has of one channel. */
export class StoredHistory {
  messages: Message[];

  constructor(stored: Message[] = []) {
    this.messages = stored;
  }

  get newest(): Id | undefined {
    return this.messages.at(-1)?.id;
  }

  list({ before, after, around, limit }: MessageList): MessagePage {
    const all = this.messages.toSorted((a, b) => compareIds(a.id, b.id));
    const size = limit ?? 50;
    const at = (id: Id, inclusive: boolean) => {
      const index = all.findIndex((each) => compareIds(each.id, id) >= (inclusive ? 0 : 1));
      return index < 0 ? all.length : index;
    };
    if (before) return page(all, Math.max(0, at(before, true) - size), at(before, true), "before");
    if (after) return page(all, at(after, false), at(after, false) + size, "after");
    if (around) {
      const from = Math.max(0, at(around, true) - Math.floor(size / 2));
      return page(all, from, from + size, "around");
    }
    return page(all, Math.max(0, all.length - size), all.length, "before");
  }
}

function page(all: Message[], from: number, to: number, cursor: "before" | "after" | "around"): MessagePage {
  const [hasMoreBefore, hasMoreAfter] = [from > 0, to < all.length];
  const found = all.slice(from, to).reverse();
  if (cursor === "before") return { messages: found, hasMore: hasMoreBefore };
  if (cursor === "after") return { messages: found, hasMore: hasMoreAfter };
  return { messages: found, hasMore: hasMoreBefore || hasMoreAfter, hasMoreBefore, hasMoreAfter };
}
