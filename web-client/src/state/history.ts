/**
 * Reads pages of one channel from the server, and squares them with what was pushed while they were on their way:
 * a page may be older than a push that overtook it. What is done with the pages is decided by the timeline.
 */
import type { Client } from "../protocol/api";
import type { Id, Message } from "../protocol/contract";
import { pageRequest } from "../protocol/opening";
import { RecentIds } from "./recentIds";

/** Deleted messages that are remembered, so that an answer which was on its way does not bring them back. */
const DELETED_MAX = 1_000;

export type Cursor = { newest: true } | { before: Id } | { after: Id } | { around: Id };

export interface Page {
  /** Oldest first, without those that were deleted meanwhile. */
  messages: Message[];
  /** Undefined where the cursor does not look. */
  hasOlder: boolean | undefined;
  hasNewer: boolean | undefined;
  /** Pushed while the page was on its way; may or may not be in it. */
  arrived: Message[];
  /** Messages that changed meanwhile: whether the page shows it is unknown. */
  touched: Set<Id>;
}

/** What was pushed while an answer was on its way. */
export type Meanwhile = Pick<Page, "arrived" | "touched">;

export class History {
  readonly #channelId: Id;
  readonly #client: Pick<Client, "request">;
  /** Applies the pushes that came before an answer, and were not applied yet. */
  readonly #settlePushes: () => void;
  readonly #onTheWay = new Set<Meanwhile>();
  readonly #deleted = new RecentIds(DELETED_MAX);

  constructor(channelId: Id, client: Pick<Client, "request">, settlePushes: () => void) {
    this.#channelId = channelId;
    this.#client = client;
    this.#settlePushes = settlePushes;
  }

  async read(cursor: Cursor, limit?: number): Promise<Page> {
    const meanwhile = this.watch();
    try {
      const place = "newest" in cursor ? {} : cursor;
      const answer = await this.#client.request("message:list", pageRequest(this.#channelId, place, limit));
      this.#settlePushes();
      return {
        touched: meanwhile.touched,
        arrived: meanwhile.arrived.filter(({ id }) => !this.#deleted.has(id)),
        messages: answer.messages.toReversed().filter(({ id }) => !this.#deleted.has(id)),
        hasOlder: "after" in cursor ? undefined : (answer.hasMoreBefore ?? answer.hasMore),
        hasNewer: hasNewer(cursor, answer),
      };
    } finally {
      this.unwatch(meanwhile);
    }
  }

  /** For answers that are read elsewhere (`session:sync`). Must be ended with `unwatch`. */
  watch(): Meanwhile {
    const meanwhile: Meanwhile = { arrived: [], touched: new Set() };
    this.#onTheWay.add(meanwhile);
    return meanwhile;
  }

  unwatch(meanwhile: Meanwhile): void {
    this.#onTheWay.delete(meanwhile);
  }

  arrived(message: Message): void {
    for (const { arrived } of this.#onTheWay) arrived.push(message);
  }

  touched(messageId: Id): void {
    for (const { touched } of this.#onTheWay) touched.add(messageId);
  }

  deleted(messageId: Id): void {
    this.#deleted.add(messageId);
  }

  wasDeleted(messageId: Id): boolean {
    return this.#deleted.has(messageId);
  }
}

function hasNewer(cursor: Cursor, answer: { hasMore: boolean; hasMoreAfter?: boolean }): boolean | undefined {
  if ("newest" in cursor) return false;
  if ("before" in cursor) return undefined;
  return answer.hasMoreAfter ?? answer.hasMore;
}
