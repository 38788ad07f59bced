/** The members of a group, in pages by user id, or those found by a query. Kept up to date where pushes tell. */
import type { Client } from "../protocol/api";
import type { Id, Member } from "../protocol/contract";
import { compareIds } from "../protocol/ids";
import type { MemberList } from "./api";
import { after, Batch } from "./frame";

const PAGE = 100;
const QUERY_AFTER_MS = 200;

export class MemberListState implements MemberList {
  readonly groupId: Id;
  readonly #client: Client;
  readonly #loaded: (members: readonly Member[], firstPage: boolean) => void;
  readonly #search = new Batch(() => this.#restart(), after(QUERY_AFTER_MS));
  #members: readonly Member[] = $state.raw([]);
  #hasMore = $state(true);
  #loading = $state(false);
  #query = $state("");
  /** Answers to an older question are dropped. */
  #question = 0;

  /** `known`: shown until the first page is here. */
  constructor(
    client: Client,
    groupId: Id,
    known: readonly Member[],
    loaded: (members: readonly Member[], firstPage: boolean) => void,
  ) {
    this.#client = client;
    this.groupId = groupId;
    this.#members = known;
    this.#loaded = loaded;
    // Not at once: it may be made while something is derived, where state must not change.
    queueMicrotask(() => this.#restart());
  }

  get members() {
    return this.#members;
  }

  get hasMore() {
    return this.#hasMore;
  }

  get loading() {
    return this.#loading;
  }

  get query() {
    return this.#query;
  }

  set query(query: string) {
    this.#query = query;
    this.#search.ask();
  }

  /** A failure ends the loading; calling again tries again. */
  async loadMore(): Promise<void> {
    if (this.#loading || !this.#hasMore) return;
    await this.#load(false);
  }

  joined(member: Member): void {
    const last = this.#members.at(-1);
    const inWindow = !this.#hasMore || (last !== undefined && compareIds(member.userId, last.userId) < 0);
    if (inWindow && this.#query.trim() === "") this.#members = merged(this.#members, [member]);
  }

  updated(member: Member): void {
    if (!this.#members.some(({ userId }) => userId === member.userId)) return;
    this.#members = this.#members.map((known) => (known.userId === member.userId ? member : known));
  }

  left(userId: Id): void {
    this.#members = this.#members.filter((member) => member.userId !== userId);
  }

  /** After a reconnect, because members come and go unnoticed meanwhile. Shows the old ones until then. */
  refresh(): void {
    this.#restart();
  }

  #restart(): void {
    void this.#load(true).catch(() => {
      // What is shown stays; the next query, reconnect or `loadMore` asks again.
    });
  }

  async #load(fromStart: boolean): Promise<void> {
    const question = ++this.#question;
    this.#loading = true;
    const query = this.#query.trim();
    const last = fromStart ? undefined : this.#members.at(-1)?.userId;
    try {
      const page = await this.#client.request("member:list", {
        groupId: this.groupId,
        limit: PAGE,
        ...(query && { query }),
        ...(last && { after: last }),
      });
      if (question !== this.#question) return;
      this.#loaded(page.members, fromStart && query === "");
      this.#members = fromStart ? page.members : merged(this.#members, page.members);
      this.#hasMore = page.hasMore;
    } finally {
      if (question === this.#question) this.#loading = false;
    }
  }
}

/** By user id, like the server's pages; the later one of two counts. */
export function merged(known: readonly Member[], more: readonly Member[]): Member[] {
  const byUser = new Map([...known, ...more].map((member) => [member.userId, member]));
  return [...byUser.values()].sort((a, b) => compareIds(a.userId, b.userId));
}
