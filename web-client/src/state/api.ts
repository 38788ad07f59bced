/**
 * What the UI reads and calls. All fields are reactive (Svelte runes behind getters and `SvelteMap`s); the UI
 * changes nothing itself. Implemented by the classes of this folder; `app.svelte.ts` exports the one `app`.
 *
 * Actions that return a promise reject with the `Failure` of the protocol; the UI shows `failureText(error)`.
 */
import type { ConnectionState, Failure, OutboxEntry } from "../protocol/api";
import type {
  Ban,
  Channel,
  Group,
  Id,
  Invite,
  InvitePreview,
  JoinedGroup,
  Limits,
  Member,
  Message,
  PermissionName,
  Presence,
  SessionInfo,
  User,
} from "../protocol/contract";

export type { Failure, OutboxEntry };

export interface App {
  /** `starting`: reading storage; `loading`: signed in, nothing to show yet; `ready`: shows, online or from the cache. */
  readonly phase: "starting" | "signedOut" | "loading" | "ready";
  /** Who is signed in. Throws in `signedOut`. */
  readonly me: User;
  readonly limits: Limits;
  readonly account: AccountState;
  readonly connection: Connection;
  readonly directory: Directory;
  readonly people: People;
  readonly timelines: Timelines;
  readonly composers: Composers;
  readonly unread: Unread;
  readonly typing: Typing;
  readonly notifications: Notifications;
  readonly settings: Settings;
  readonly firstRun: FirstRun;
  readonly navigation: Navigation;
  readonly notices: Notices;
  start(): Promise<void>;
}

export interface AccountState {
  /** Why the person was signed out, to be shown at the sign-in form once. */
  readonly signedOutBecause: "byUser" | "ended" | null;
  register(input: { username: string; password: string; displayName?: string }): Promise<void>;
  signIn(input: { username: string; password: string }): Promise<void>;
  signOut(): Promise<void>;
  changePassword(input: { currentPassword: string; newPassword: string }): Promise<void>;
  changeProfile(input: { displayName?: string; avatar?: string | null }): Promise<void>;
  sessions(): Promise<SessionInfo[]>;
  endSession(id: string): Promise<void>;
}

/** What somebody whose account is new is told to begin with. */
export interface FirstRun {
  /** They are new, the server was asked, and they did not dismiss it. */
  readonly open: boolean;
  readonly hasInvited: boolean;
  dismiss(): void;
  /** They have made a link, or copied that of the server. */
  invited(): void;
}

/** What happened to the reader and has to be said once (a toast): the UI shows it and dismisses it. */
export interface Notices {
  readonly current: readonly Notice[];
  dismiss(id: number): void;
}

export interface Notice {
  id: number;
  /**
   * The group was deleted, or the reader was removed from it; nobody tells which. `channelUnknown`: a link led to a
   * channel that is not there, or not for the reader. `settingRefused`: the account could not keep it, it is as before.
   */
  kind: "groupGone" | "channelGone" | "channelUnknown" | "settingRefused";
  /** Of the group or channel; empty if unknown. */
  name: string;
}

export interface Connection {
  readonly state: ConnectionState;
  /** True once a lost connection has lasted 2 s: only then is it worth a banner. */
  readonly troubled: boolean;
  /** Whether what the server said of passing things, such as presence, holds: not before `ready`, nor once `troubled`. */
  readonly live: boolean;
  readonly transport: "websocket" | "polling" | null;
  readonly latencyMs: number | null;
  retryNow(): void;
}

/** Groups, channels, and who manages them. */
export interface Directory {
  /** The official group first, then in the order of joining. */
  readonly groups: readonly Group[];
  group(id: Id): Group | undefined;
  /** By `position`, then id. */
  channelsOf(groupId: Id): readonly Channel[];
  /** The one with the newest message first. */
  readonly directChannels: readonly Channel[];
  channel(id: Id): Channel | undefined;
  /** The reader's own membership. */
  membership(groupId: Id): Member | undefined;
  /** Name to show: `general`, or the other people of a direct channel. */
  channelName(channel: Channel): string;
  may(channelId: Id, permission: PermissionName): boolean;
  /** A member by id, asked of the server; null if there is none. Not kept. */
  member(groupId: Id, userId: Id): Promise<Member | null>;
  /** Group-wide: what the reader may in the group (from its channels' bits and the roles). */
  mayInGroup(groupId: Id, permission: PermissionName): boolean;
  /** Owner > admin > moderator > member: whether the reader is above. */
  outranks(member: Member): boolean;

  createGroup(name: string): Promise<JoinedGroup>;
  updateGroup(groupId: Id, change: { name?: string; icon?: string | null }): Promise<void>;
  deleteGroup(groupId: Id): Promise<void>;
  leaveGroup(groupId: Id): Promise<void>;
  createChannel(
    groupId: Id,
    channel: { name: string; topic?: string; type?: "text" | "announcement" },
  ): Promise<Channel>;
  updateChannel(
    channelId: Id,
    change: { name?: string; topic?: string; position?: number; slowModeSeconds?: number },
  ): Promise<void>;
  deleteChannel(channelId: Id): Promise<void>;
  openDirect(userIds: Id[]): Promise<Channel>;

  createInvite(groupId: Id, limits: { expiresInSeconds?: number; maxUses?: number }): Promise<Invite>;
  invites(groupId: Id): Promise<Invite[]>;
  deleteInvite(code: string): Promise<void>;
  previewInvite(code: string): Promise<InvitePreview>;
  acceptInvite(code: string): Promise<JoinedGroup>;
  /** The link to give away: `https://…/i/{code}`. */
  inviteLink(code: string): string;
  bans(groupId: Id, after?: Id): Promise<{ bans: Ban[]; hasMore: boolean }>;
  unban(groupId: Id, userId: Id): Promise<void>;
  removeMember(groupId: Id, userId: Id, reason?: string): Promise<void>;
  banMember(groupId: Id, userId: Id, reason?: string): Promise<void>;
  updateMember(
    groupId: Id,
    userId: Id,
    change: { nickname?: string | null; roles?: string[] },
  ): Promise<void>;
}

/** Everybody who was seen, and their presence. */
export interface People {
  user(id: Id): User | undefined;
  /** In a group the nickname, if there is one. */
  displayName(userId: Id, groupId?: Id): string;
  /** What is known of it now; every part of the UI that shows presence asks here. */
  presence(userId: Id): KnownPresence;
  /** The reader's own choice; `invisible` is `offline` to others. */
  readonly myStatus: { status: "online" | "idle" | "dnd" | "invisible"; text: string };
  setMyStatus(status: "online" | "idle" | "dnd" | "invisible", text?: string): Promise<void>;
  /** While mounted, a part of the UI watches the people it shows; at most `limits.watchedUsers` in all. Returns the end of it. */
  watch(userIds: readonly Id[]): () => void;
  /** The members of a group, page by page, or those found by `query`. A list of the caller's own: keep it. */
  memberList(groupId: Id): MemberList;
  search(query: string): Promise<User[]>;
}

/** `unknown`: the server has said nothing that still holds. `disconnected`: the reader's own, while this page is. */
export interface KnownPresence {
  readonly status: Presence["status"] | "unknown" | "disconnected";
  readonly text: string;
}

export interface MemberList {
  /** While `query` is not answered: those of them that are known here. */
  readonly members: readonly Member[];
  readonly hasMore: boolean;
  /**
   * `waiting`: for a connection, after which it is loaded by itself; `failed`: until `loadMore`. In both `members` are
   * from before.
   */
  readonly state: "loading" | "ready" | "waiting" | "failed";
  query: string;
  /** The next page; the first one again if that failed. */
  loadMore(): Promise<void>;
}

export interface Timelines {
  /** Made at the first call, kept for the ten channels used last. */
  of(channelId: Id): Timeline;
  /** One message, for quotes and links; from the window or the server. */
  message(channelId: Id, messageId: Id): Promise<Message | null>;
}

/** One row of the timeline, in order of time. */
export type Row =
  | { kind: "beginning"; key: string }
  | { kind: "day"; key: string; time: number }
  /** Before the first unread message; stays until the channel is left. */
  | { kind: "new"; key: string }
  | {
      kind: "message";
      key: string;
      message: Message;
      /** Same author within 7 minutes. */ grouped: boolean;
      mine: boolean;
      mentionsMe: boolean;
    }
  | { kind: "pending"; key: string; entry: OutboxEntry; grouped: boolean };

/** `messageId` null is the bottom. `start`: below the upper edge, with some context above; `center`: in the middle. */
export interface ScrollTarget {
  messageId: Id | null;
  block: "start" | "center";
  /** In px from the upper edge, instead: where it was left. */
  offset?: number;
}

export interface Timeline {
  readonly channelId: Id;
  readonly state: "loading" | "ready" | "failed" | "gone";
  /** At most 250 messages; keys are message ids, or nonces while pending and after, so that a row is never remounted. */
  readonly rows: readonly Row[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
  readonly loadingOlder: boolean;
  readonly loadingNewer: boolean;
  /** The newest message is in the window, so arriving ones are appended. */
  readonly tailAttached: boolean;
  /** Arrived since the reader was last at the bottom. */
  readonly arrivedBelow: number;
  readonly firstUnreadId: Id | null;
  /** What is shown is not what the server has now, and could not be read for the moment; it is tried again. */
  readonly outdated: boolean;
  /** From the "new" line on, until that was used or the channel is left; `more`: not all of them are in the window. */
  readonly unread: { count: number; more: boolean; since: string } | null;
  /** To be shown highlighted for 2 s. */
  readonly highlightedId: Id | null;
  /**
   * Where the UI shall scroll as soon as the rows are there and in sight (first unread on opening, where it was left,
   * jumps, an own message sent); it calls `scrolled()` when it has.
   */
  readonly scrollTarget: ScrollTarget | null;
  scrolled(): void;
  /** All rows are there, and that one is not among them: there is another target. */
  targetMissing(): void;
  /** Where the reader is; null is the bottom. */
  position: { messageId: Id; offset: number } | null;
  loadOlder(): Promise<void>;
  loadNewer(): Promise<void>;
  /** Replaces the window by the surroundings of a message, highlighted. */
  jumpTo(messageId: Id): Promise<void>;
  jumpToPresent(): Promise<void>;
  jumpToFirstUnread(): Promise<void>;
  retry(): void;
  /** The reader is where the channel opens, or where they jumped to: what is in view from now on counts as seen. */
  readonly settled: boolean;
  /** These rows, and those between them, are in view with the page in focus; read states follow without gaps, batched. */
  seen(newestId: Id, oldestId: Id): void;
  atBottom(value: boolean): void;
  /** Something else is in front of it. */
  covered(): void;
  /** Leaving the channel takes the "new" line away. */
  left(): void;

  edit(messageId: Id, content: string): Promise<void>;
  remove(messageId: Id): Promise<void>;
  /** Optimistic, taken back if refused. */
  toggleReaction(messageId: Id, emoji: string): Promise<void>;
  reactors(messageId: Id, emoji: string): Promise<{ users: User[]; hasMore: boolean }>;
  setPinned(messageId: Id, pinned: boolean): Promise<void>;
  pins(): Promise<Message[]>;
  markUnreadFrom(messageId: Id): Promise<void>;
  /** All of it, and takes the "new" line away. */
  markRead(): Promise<void>;
  retrySend(nonce: string): void;
  discardSend(nonce: string): void;
}

export interface Composers {
  of(channelId: Id): Composer;
  /** Channels with a draft, for the pencil in the list. */
  hasDraft(channelId: Id): boolean;
}

/** The draft of a channel; persisted. */
export interface Composer {
  text: string;
  replyTo: Message | null;
  /** Set while one's own message is edited; `text` is then its content, and the draft waits. */
  readonly editing: Message | null;
  /** Seconds until slow mode lets the next message through; 0 if it does. */
  readonly slowModeSeconds: number;
  startEditing(message: Message): void;
  /** The reader's last message in the window, for ArrowUp. */
  editLast(): void;
  cancel(): void;
  /** Sends or saves the edit. Rejects only for an edit; a message goes to the outbox. */
  submit(): Promise<void>;
  typed(): void;
}

export interface Unread {
  /** Messages wait in the channel; muted ones count for nothing. */
  has(channelId: Id): boolean;
  mentions(channelId: Id): number;
  groupHas(groupId: Id): boolean;
  groupMentions(groupId: Id): number;
  /** For the title and the badge. */
  readonly totalMentions: number;
  markRead(channelId: Id): Promise<void>;
  markAllRead(): Promise<void>;
}

export interface Typing {
  /** Without the reader; ended after 10 s or by a message. */
  in(channelId: Id): readonly Id[];
}

export type NotificationLevel = "all" | "mentions" | "none";

export interface Notifications {
  readonly permission: "default" | "granted" | "denied" | "unsupported";
  ask(): Promise<void>;
  /** The same on all devices. `none` also greys the channel out (muted). */
  level(channelId: Id): NotificationLevel;
  setLevel(channelId: Id, level: NotificationLevel): void;
}

/** Assigning saves; theme, density, language, clock and `enterSends` for all devices of the person. */
export interface Settings {
  theme: "system" | "light" | "dark" | "contrast";
  density: "cozy" | "compact";
  fontSize: 14 | 15 | 16 | 18 | 20;
  language: "system" | "en" | "ar";
  clock: "system" | "12" | "24";
  motion: "system" | "reduced";
  enterSends: boolean;
  sounds: boolean;
}

export type Route =
  { view: "home" } | { view: "channel"; channelId: Id; messageId?: Id } | { view: "invite"; code: string };

/** Paths: `/`, `/c/{channel}`, `/c/{channel}/{message}`, `/i/{code}`; back and forward work. */
export interface Navigation {
  readonly route: Route;
  /** The group of the channel, or of the last one seen. Null shows the direct channels. */
  readonly groupId: Id | null;
  go(route: Route, options?: { replace?: boolean }): void;
  /** Opens the channel of the group that was open last. */
  openGroup(groupId: Id | null): void;
  openChannel(channelId: Id, messageId?: Id): void;
  /** Channels opened lately, newest first. */
  readonly recent: readonly Id[];
  /** In the order of the channel list. */
  step(direction: 1 | -1, onlyUnread: boolean): void;
  linkTo(route: Route): string;
}
