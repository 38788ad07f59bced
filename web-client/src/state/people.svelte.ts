/** Everybody who was seen, under which names, and who of those that are shown is there. */
import { SvelteMap } from "svelte/reactivity";
import type { Client } from "../protocol/api";
import type { Id, Member, Presence, User } from "../protocol/contract";
import type { KnownPresence, MemberList, People } from "./api";
import { after, Batch } from "./frame";
import { MemberListState } from "./member-list.svelte";
import { MyStatusState } from "./my-status.svelte";
import { FOUND_MAX } from "./names";
import { idBefore } from "./read-states";
import { WatchList } from "./watch-list";

const WATCH_AFTER_MS = 250;
const PRESENCE_EVERY_MS = 250;
/** Shown for somebody whose name is still to be asked for. */
const UNKNOWN = "…";
const PRESENCE_UNKNOWN: KnownPresence = { status: "unknown", text: "" };
const DISCONNECTED: KnownPresence = { status: "disconnected", text: "" };
const FIRST_PAGES_MAX = 10;

interface Parts {
  client: Client;
  meId: () => Id | null;
  live: () => boolean;
  watchedMax: () => number;
}

export class PeopleState implements People {
  readonly #parts: Parts;
  readonly #users = new SvelteMap<Id, User>();
  /** By group and user. */
  readonly #nicknames = new SvelteMap<string, string>();
  /** Of those who are watched, as the server said on this connection, and the reader's own. */
  readonly #presences = new SvelteMap<Id, Presence>();
  readonly #arrived = new Map<Id, Presence>();
  readonly #show = new Batch(() => this.#showPresences(), after(PRESENCE_EVERY_MS));
  readonly #watchList = new WatchList();
  readonly #watch = new Batch(() => void this.#sendWatch(), after(WATCH_AFTER_MS));
  #watched = "";
  readonly #asked = new Set<string>();
  readonly #memberLists = new Set<WeakRef<MemberListState>>();
  /** Of the groups whose members were listed last, so that going back there shows no empty list. */
  readonly #firstPages = new Map<Id, readonly Member[]>();
  readonly #my: MyStatusState;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client } = parts;
    this.#my = new MyStatusState(client);
    client.on("message:created", ({ author }) => this.learn([author]));
    client.on("user:updated", (user) => this.learn([user]));
    client.on("presence:changed", (presences) => this.#presencesArrived(presences));
    client.on("member:joined", (member) => this.#memberChanged(member, (list) => list.joined(member)));
    client.on("member:updated", (member) => this.#memberChanged(member, (list) => list.updated(member)));
    client.on("member:left", ({ groupId, userId }) => this.memberLeft(groupId, userId));
  }

  user(id: Id): User | undefined {
    return this.#users.get(id);
  }

  displayName(userId: Id, groupId?: Id): string {
    const nickname = groupId === undefined ? undefined : this.#nicknames.get(nicknameKey(groupId, userId));
    if (nickname) return nickname;
    const user = this.#users.get(userId);
    if (user) return user.displayName || user.username;
    if (groupId !== undefined) this.#lookUp(userId, groupId);
    return UNKNOWN;
  }

  presence(userId: Id): KnownPresence {
    if (userId === this.#parts.meId() && !this.#parts.live()) return DISCONNECTED;
    return this.#presences.get(userId) ?? PRESENCE_UNKNOWN;
  }

  get myStatus() {
    return this.#my.chosen;
  }

  setMyStatus(status: "online" | "idle" | "dnd" | "invisible", text?: string): Promise<void> {
    return this.#my.choose(status, text);
  }

  watch(userIds: readonly Id[]): () => void {
    const end = this.#watchList.add(userIds);
    this.#watch.ask();
    return () => {
      end();
      this.#watch.ask();
    };
  }

  memberList(groupId: Id): MemberList {
    const known = this.#firstPages.get(groupId) ?? [];
    const list = new MemberListState(this.#parts.client, groupId, known, (members, firstPage) => {
      this.learnMembers(members);
      if (firstPage) this.#keepFirstPage(groupId, members);
    });
    this.#memberLists.add(new WeakRef(list));
    return list;
  }

  async search(query: string): Promise<User[]> {
    const { users } = await this.#parts.client.request("user:search", { query, limit: FOUND_MAX });
    this.learn(users);
    return users;
  }

  /** What the server has just said of people. Repeats what is known most of the time, and then repaints nothing. */
  learn(users: Iterable<User>): void {
    for (const user of users) {
      const known = this.#users.get(user.id);
      if (known === user || (known && isSame(known, user))) continue;
      this.#users.set(user.id, user);
    }
  }

  /** From a cache: for who is not known yet. */
  learnOld(users: Iterable<User>): void {
    for (const user of users) if (!this.#users.has(user.id)) this.#users.set(user.id, user);
  }

  learnMembers(members: Iterable<Member>): void {
    for (const { groupId, userId, user, nickname } of members) {
      this.learn([user]);
      const key = nicknameKey(groupId, userId);
      if (nickname) this.#nicknames.set(key, nickname);
      else this.#nicknames.delete(key);
    }
  }

  /** A member was changed by the reader; in the official group nothing is pushed. */
  memberUpdated(member: Member): void {
    this.#memberChanged(member, (list) => list.updated(member));
  }

  memberLeft(groupId: Id, userId: Id): void {
    this.#nicknames.delete(nicknameKey(groupId, userId));
    this.#eachList(groupId, (list) => list.left(userId));
  }

  connected(): void {
    this.#my.connected();
    this.#watched = "";
    this.#asked.clear();
    this.#watch.ask();
    this.#watch.flush();
    this.#eachList(null, (list) => list.refresh());
  }

  /** For longer than a blip: who is where is not known any more, and lists are as they were. */
  disconnected(): void {
    this.#forgetPresences();
    this.#eachList(null, (list) => list.disconnected());
  }

  clear(): void {
    for (const known of [this.#users, this.#nicknames, this.#firstPages]) known.clear();
    this.#forgetPresences();
    this.#asked.clear();
    this.#memberLists.clear();
    this.#watched = "";
    this.#my.load();
  }

  #forgetPresences(): void {
    this.#show.cancel();
    this.#arrived.clear();
    this.#presences.clear();
  }

  #memberChanged(member: Member, change: (list: MemberListState) => void): void {
    this.learnMembers([member]);
    this.#eachList(member.groupId, change);
  }

  #eachList(groupId: Id | null, change: (list: MemberListState) => void): void {
    for (const reference of this.#memberLists) {
      const list = reference.deref();
      if (!list) this.#memberLists.delete(reference);
      else if (groupId === null || list.groupId === groupId) change(list);
    }
  }

  #keepFirstPage(groupId: Id, members: readonly Member[]): void {
    this.#firstPages.delete(groupId);
    this.#firstPages.set(groupId, members);
    const [oldest] = this.#firstPages.keys();
    if (this.#firstPages.size > FIRST_PAGES_MAX && oldest !== undefined) this.#firstPages.delete(oldest);
  }

  #presencesArrived(presences: readonly Presence[]): void {
    for (const presence of presences) {
      if (presence.userId === this.#parts.meId()) this.#my.heard(presence);
      this.#arrived.set(presence.userId, presence);
    }
    this.#show.ask();
  }

  #showPresences(): void {
    for (const [userId, presence] of this.#arrived) {
      const known = this.#presences.get(userId);
      if (known?.status !== presence.status || known.text !== presence.text)
        this.#presences.set(userId, presence);
    }
    this.#arrived.clear();
  }

  async #sendWatch(): Promise<void> {
    const userIds = this.#watchList.merged(this.#parts.watchedMax());
    const watched = userIds.join();
    if (watched === this.#watched) return;
    this.#watched = watched;
    try {
      const { presences } = await this.#parts.client.request("presence:watch", { userIds });
      this.#presencesArrived(presences);
      this.#show.flush();
      if (this.#watched === watched) this.#forgetUnwatched(new Set(userIds));
    } catch {
      // Asked again after the next connect, or when somebody else is watched.
      if (this.#watched === watched) this.#watched = "";
    }
  }

  /** Nothing more is heard of them, but for the reader's own. */
  #forgetUnwatched(watched: ReadonlySet<Id>): void {
    for (const userId of this.#presences.keys()) {
      if (!watched.has(userId) && userId !== this.#parts.meId()) this.#presences.delete(userId);
    }
  }

  /** Members are listed by user id, after a user id: so a page of one is a look at one person. */
  #lookUp(userId: Id, groupId: Id): void {
    const key = nicknameKey(groupId, userId);
    if (this.#asked.has(key) || !/^[1-9]\d{0,18}$/.test(userId)) return;
    this.#asked.add(key);
    queueMicrotask(() => {
      this.#parts.client
        .request("member:list", { groupId, after: idBefore(userId), limit: 1 })
        .then(({ members }) => this.learnMembers(members))
        .catch(() => {
          // Without an answer the name stays unknown until the next connect.
        });
    });
  }
}

function nicknameKey(groupId: Id, userId: Id): string {
  return `${groupId}:${userId}`;
}

function isSame(a: User, b: User): boolean {
  return a.displayName === b.displayName && a.avatar === b.avatar && a.username === b.username;
}
