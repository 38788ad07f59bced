/** The members of a group, in pages by user id, or those found by a query. Kept up to date where pushes tell. */
import type { Client } from "../protocol/api";
import type { Id, Member } from "../protocol/contract";
import { compareIds } from "../protocol/ids";
import type { MemberList } from "./api";
import { after, Batch } from "./frame";
import { isNamed } from "./names";
import { codeOf } from "./transient";

const PAGE = 100;
/** Whoever has scrolled further is moved by a reconnect. */
const PAGES_AGAIN_MAX = 10;
const QUERY_AFTER_MS = 200;

export class MemberListState implements MemberList {
  readonly groupId: Id;
  readonly #client: Client;
  readonly #loaded: (members: readonly Member[], firstPage: boolean) => void;
  readonly #search = new Batch(() => this.#restart(), after(QUERY_AFTER_MS));
  #members: readonly Member[] = $state.raw([]);
  #hasMore = $state(true);
  #state: MemberList["state"] = $state("loading");
  #query = $state("");
  /** What `#members` are the answer to. */
  #answered = $state("");
  /** Without a query, to come back to. */
  #firstPage: readonly Member[];
  readonly #shown = $derived(
    this.#wanted === this.#answered
      ? this.#members
      : this.#members.filter((one) => matches(one, this.#wanted)),
  );
  /** Answers to an older question are dropped. */
  #question = 0;
  #startFailed = false;

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
    this.#firstPage = known;
    this.#loaded = loaded;
    // Not at once: it may be made while something is derived, where state must not change.
    queueMicrotask(() => this.#restart());
  }

  get members() {
    return this.#shown;
  }

  get hasMore() {
    return this.#hasMore;
  }

  get state() {
    return this.#state;
  }

  get query() {
    return this.#query;
  }

  set query(query: string) {
    if (query === this.#query) return;
    this.#query = query;
    if (this.#wanted === "" && this.#answered !== "") this.#show(this.#firstPage, "", true);
    if (this.#state !== "waiting") this.#state = "loading";
    this.#search.ask();
  }

  get #wanted(): string {
    return this.#query.trim();
  }

  async loadMore(): Promise<void> {
    if (this.#state === "loading" || this.#state === "waiting") return;
    if (this.#startFailed) await this.#load(true);
    else if (this.#hasMore) await this.#load(false);
  }

  joined(member: Member): void {
    const last = this.#members.at(-1);
    const inWindow = !this.#hasMore || (last !== undefined && compareIds(member.userId, last.userId) < 0);
    if (inWindow && this.#answered === "") this.#members = merged(this.#members, [member]);
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
    void this.#load(true, this.#wanted === this.#answered ? this.#members.at(-1)?.userId : undefined);
  }

  disconnected(): void {
    this.#state = "waiting";
  }

  #restart(): void {
    void this.#load(true);
  }

  async #load(fromStart: boolean, reach?: Id): Promise<void> {
    const question = ++this.#question;
    this.#state = "loading";
    const query = this.#wanted;
    const last = this.#members.at(-1)?.userId;
    try {
      const page = await (fromStart ? this.#pages(query, reach) : this.#page(query, last));
      if (question !== this.#question) return;
      const isFirst = fromStart && query === "";
      this.#loaded(page.members, isFirst);
      if (isFirst) this.#firstPage = page.members;
      this.#show(fromStart ? page.members : merged(this.#members, page.members), query, page.hasMore);
      this.#startFailed = false;
      this.#state = "ready";
    } catch (error) {
      if (question !== this.#question) return;
      this.#startFailed = fromStart;
      this.#state = codeOf(error) === "offline" ? "waiting" : "failed";
    }
  }

  #page(query: string, last?: Id) {
    return this.#client.request("member:list", {
      groupId: this.groupId,
      limit: PAGE,
      ...(query && { query }),
      ...(last && { after: last }),
    });
  }

  /** The first, and with `reach` those up to there, so that nothing moves for who has scrolled down. */
  async #pages(query: string, reach?: Id) {
    let page = await this.#page(query);
    for (let count = 1; count < PAGES_AGAIN_MAX; count++) {
      const last = page.members.at(-1)?.userId;
      if (!page.hasMore || !last || !reach || compareIds(last, reach) >= 0) break;
      const { members, hasMore } = await this.#page(query, last);
      page = { members: [...page.members, ...members], hasMore };
    }
    return page;
  }

  #show(members: readonly Member[], answered: string, hasMore: boolean): void {
    this.#members = members;
    this.#answered = answered;
    this.#hasMore = hasMore;
  }
}

function matches({ user, nickname }: Member, query: string): boolean {
  return isNamed([user.username, user.displayName, nickname ?? ""], query);
}

/** By user id, like the server's pages; the later one of two counts. */
export function merged(known: readonly Member[], more: readonly Member[]): Member[] {
  const byUser = new Map([...known, ...more].map((member) => [member.userId, member]));
  return [...byUser.values()].sort((a, b) => compareIds(a.userId, b.userId));
}
