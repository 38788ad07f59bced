/**
 * Types of the VibeTalk contract (docs/protocol.md) for `socket.io-client` 4:
 *
 *     import { io, type Socket } from "socket.io-client";
 *     import type { ClientToServerEvents, ServerToClientEvents } from "./vibetalk";
 *
 *     const socket: Socket<ServerToClientEvents, ClientToServerEvents> =
 *       io("https://chat.example.org", { auth: { token } });
 *     const reply = await socket.emitWithAck("message:create", { channelId, content: "hello" });
 *
 * `ackTimeout` in the options of `io()` bounds the wait and keeps these types; after `timeout(ms)`
 * the types of socket.io-client forget the answer: write `const reply: Ack<Message> = …` there.
 *
 * New events and new fields may appear at any time: ignore what you do not know.
 */

/** A snowflake as a decimal string. As a JavaScript number it would lose digits; `BigInt(id)` is exact. */
export type Id = string;

/** RFC 3339, UTC, with milliseconds: `2026-11-24T12:00:00.000Z`. */
export type Time = string;

// Acknowledgements

export type Ack<T> = { ok: true; data: T } | { ok: false; error: ApiError };

export interface ApiError {
  code: ErrorCode;
  /** For developers, in English; may change. Decide by `code`. */
  message: string;
  /** Always there when `code` is `rate_limited`; with `unavailable` if there is too much to do. */
  retryAfterMs?: number;
  /** What is wrong, by field of the request. */
  fields?: Record<string, string>;
}

export type ErrorCode =
  | "invalid_request"
  | "unknown_event"
  | "unauthorized"
  | "token_expired"
  | "forbidden"
  | "group_not_found"
  | "channel_not_found"
  | "message_not_found"
  | "member_not_found"
  | "user_not_found"
  | "invite_not_found"
  | "session_not_found"
  | "attachment_not_found"
  | "route_not_found"
  | "conflict"
  | "too_large"
  | "rate_limited"
  | "unavailable"
  | "timeout";

// Objects

export interface User {
  id: Id;
  username: string;
  displayName: string;
  avatar: string | null;
}

export interface Message {
  id: Id;
  channelId: Id;
  /** Absent in direct channels. */
  groupId?: Id;
  author: User;
  type: "default" | "reply" | `system${string}`;
  content: string;
  createdAt: Time;
  editedAt?: Time;
  nonce?: string;
  /** `null` when the message that was answered is gone. */
  replyTo?: ReplyTo | null;
  mentions: Id[];
  mentionsEveryone: boolean;
  attachments: Attachment[];
  embeds: Embed[];
  reactions: Reaction[];
  pinned: boolean;
  flags: number;
}

export interface ReplyTo {
  id: Id;
  author: User;
  content: string;
}

export interface Reaction {
  emoji: string;
  count: number;
  /** Whether the reader reacted with it; always false in pushes. */
  me: boolean;
}

export interface Attachment {
  id: Id;
  name: string;
  contentType: string;
  /** Bytes. */
  size: number;
  url: string;
  /** Pixels. */
  width?: number;
  height?: number;
  alt?: string;
}

/** Reserved. */
export type Embed = Record<string, unknown>;

export interface Channel {
  id: Id;
  /** Absent in direct channels. */
  groupId?: Id;
  type: "text" | "announcement" | "direct";
  name: string;
  topic: string;
  position: number;
  slowModeSeconds: number;
  lastMessageId?: Id;
  /** The people of a direct channel. */
  recipients?: User[];
  /** The reader's `Permission` bits, in decimal: `(BigInt(permissions) & 2n) !== 0n` may send. */
  permissions: string;
}

export interface Group {
  id: Id;
  name: string;
  icon: string | null;
  /** `null` in the official group. */
  ownerId: Id | null;
  memberCount: number;
  official: boolean;
  createdAt: Time;
}

/** A group as one of its members sees it. */
export type JoinedGroup = Group & { channels: Channel[]; me: Member };
/** A group among others: with `partial` its channels did not fit, and `group:get` answers them. */
export type ListedGroup =
  | (JoinedGroup & { partial?: undefined })
  | (Group & { me: Member; channels?: undefined; partial: true });
/** A group with all its channels, and the read states of those that have one. */
export type WholeGroup = JoinedGroup & { readStates: ReadState[] };

export interface Member {
  groupId: Id;
  userId: Id;
  user: User;
  roles: string[];
  nickname: string | null;
  joinedAt: Time;
}

export interface Invite {
  code: string;
  groupId: Id;
  creatorId: Id;
  uses: number;
  maxUses: number | null;
  expiresAt: Time | null;
}

/** What a person who is not a member yet may see. */
export interface InvitePreview {
  code: string;
  group: Pick<Group, "id" | "name" | "icon" | "memberCount">;
  creator: User;
  expiresAt: Time | null;
}

export interface Ban {
  user: User;
  /** Empty when none was given. */
  reason: string;
  createdAt: Time;
}

export interface ReadState {
  channelId: Id;
  /** The person's own messages behind the mark are read, too, up to the first of somebody else. */
  lastReadId: Id | null;
  /** Up to 1000, which stands for so many and more. */
  mentionCount: number;
}

export interface Presence {
  userId: Id;
  status: "online" | "idle" | "dnd" | "offline";
  text: string;
}

export interface Ready {
  serverId: string;
  serverTime: Time;
  user: User;
  groups: ListedGroup[];
  directChannels: Channel[];
  /** Of the channels that have one. */
  readStates: ReadState[];
  limits: Limits;
}

/** The sizes this server enforces; numbers only, others may be added. */
export interface Limits {
  contentChars: number;
  nameChars: number;
  topicChars: number;
  messagesPage: number;
  membersPage: number;
  syncChannels: number;
  watchedUsers: number;
  settingsBytes: number;
  readyBytes: number;
  attachmentBytes: number;
  attachmentsPerMessage: number;
  [limit: string]: number;
}

// Requests. An optional field may be null, which is as if it were absent, except in `nickname`,
// `avatar` and `icon`, where null removes the value.

export type Empty = Record<string, never>;

export interface InChannel {
  channelId: Id;
}
export interface OfMessage extends InChannel {
  messageId: Id;
}
export interface OfReaction extends OfMessage {
  emoji: string;
}
export interface InGroup {
  groupId: Id;
}

export interface MessageCreate extends InChannel {
  content: string;
  /** Makes the request idempotent for ten minutes. */
  nonce?: string | null;
  replyToId?: Id | null;
  attachmentIds?: Id[] | null;
}
export interface MessageUpdate extends OfMessage {
  content: string;
}
/** At most one of `before`, `after` and `around`. */
export interface MessageList extends InChannel {
  before?: Id | null;
  after?: Id | null;
  around?: Id | null;
  limit?: number | null;
}
export interface MessagePage {
  /** Newest first. */
  messages: Message[];
  hasMore: boolean;
  hasMoreBefore?: boolean;
  hasMoreAfter?: boolean;
}
export interface PinList extends InChannel {
  before?: Id | null;
}
export interface ReactionList extends OfReaction {
  after?: Id | null;
  limit?: number | null;
}
export interface ChannelCreate extends InGroup {
  name: string;
  topic?: string | null;
  type?: "text" | "announcement" | null;
  position?: number | null;
  slowModeSeconds?: number | null;
}
export interface ChannelUpdate extends InChannel {
  name?: string | null;
  topic?: string | null;
  position?: number | null;
  slowModeSeconds?: number | null;
}
export interface GroupCreate {
  name: string;
  icon?: string | null;
}
export interface GroupUpdate extends InGroup {
  name?: string | null;
  icon?: string | null;
}
export interface InviteCreate extends InGroup {
  expiresInSeconds?: number | null;
  maxUses?: number | null;
}
export interface OfInvite {
  code: string;
}
export interface MemberList extends InGroup {
  query?: string | null;
  after?: Id | null;
  limit?: number | null;
}
export interface MemberUpdate extends InGroup {
  userId: Id;
  nickname?: string | null;
  roles?: string[] | null;
}
export interface MemberRemove extends InGroup {
  userId: Id;
  reason?: string | null;
}
export interface BanList extends InGroup {
  after?: Id | null;
  limit?: number | null;
}
export interface DirectOpen {
  userIds: Id[];
}
export interface UserUpdate {
  displayName?: string | null;
  avatar?: string | null;
}
export interface UserSearch {
  query: string;
  limit?: number | null;
}
export interface PresenceUpdate {
  status: "online" | "idle" | "dnd" | "invisible";
  text?: string | null;
}
export interface PresenceWatch {
  userIds: Id[];
}
/** All settings of a person: keys and values are the clients'. */
export interface Settings {
  settings: Record<string, unknown>;
}
/** Merged by key; null removes one. */
export interface SettingsUpdate {
  settings: Record<string, unknown>;
}
export interface SessionSync {
  /** The last message seen, by channel. */
  channels: Record<Id, Id>;
  /** The `serverTime` of the last `ready` or `session:sync`. */
  since: Time;
}
export interface SyncResult {
  serverTime: Time;
  channels: Record<Id, { messages: Message[]; complete: boolean }>;
  changed: Change[];
}
export interface DeletedMessage extends OfMessage {
  /** Only if the newest message was deleted: which is the newest now, or null if there is none. */
  lastMessageId?: Id | null;
}
export interface Change extends OfMessage {
  kind: "updated" | "deleted" | "reaction_added" | "reaction_removed" | "pinned" | "unpinned";
}

/**
 * A request and its acknowledgement. The callback is required here because the types of
 * `emitWithAck` need it; a request that is sent without one is carried out all the same.
 */
type Request<Payload, Data> = (payload: Payload, ack: (reply: Ack<Data>) => void) => void;

export interface ClientToServerEvents {
  "message:create": Request<MessageCreate, Message>;
  "message:update": Request<MessageUpdate, Message>;
  "message:delete": Request<OfMessage, Empty>;
  "message:list": Request<MessageList, MessagePage>;
  "reaction:add": Request<OfReaction, Empty>;
  "reaction:remove": Request<OfReaction, Empty>;
  "reaction:list": Request<ReactionList, { users: User[]; hasMore: boolean }>;
  "pin:add": Request<OfMessage, Empty>;
  "pin:remove": Request<OfMessage, Empty>;
  "pin:list": Request<PinList, { messages: Message[]; hasMore: boolean }>;
  "typing:start": Request<InChannel, Empty>;
  "channel:read": Request<OfMessage, ReadState>;
  "channel:create": Request<ChannelCreate, Channel>;
  "channel:update": Request<ChannelUpdate, Channel>;
  "channel:delete": Request<InChannel, Empty>;
  "group:create": Request<GroupCreate, JoinedGroup>;
  "group:update": Request<GroupUpdate, Group>;
  "group:get": Request<InGroup, WholeGroup>;
  "group:delete": Request<InGroup, Empty>;
  "group:leave": Request<InGroup, Empty>;
  "invite:create": Request<InviteCreate, Invite>;
  "invite:list": Request<InGroup, { invites: Invite[] }>;
  "invite:get": Request<OfInvite, InvitePreview>;
  "invite:accept": Request<OfInvite, JoinedGroup>;
  "invite:delete": Request<OfInvite, Empty>;
  "member:list": Request<MemberList, { members: Member[]; hasMore: boolean }>;
  "member:update": Request<MemberUpdate, Member>;
  "member:remove": Request<MemberRemove, Empty>;
  "member:ban": Request<MemberRemove, Empty>;
  "member:unban": Request<MemberRemove, Empty>;
  "ban:list": Request<BanList, { bans: Ban[]; hasMore: boolean }>;
  "direct:open": Request<DirectOpen, Channel>;
  "user:update": Request<UserUpdate, User>;
  "user:search": Request<UserSearch, { users: User[] }>;
  "presence:update": Request<PresenceUpdate, Empty>;
  "presence:watch": Request<PresenceWatch, { presences: Presence[] }>;
  "settings:get": Request<Empty, Settings>;
  "settings:update": Request<SettingsUpdate, Settings>;
  "session:sync": Request<SessionSync, SyncResult>;
}

// Pushes

export interface ServerToClientEvents {
  ready: (ready: Ready) => void;
  "message:created": (message: Message) => void;
  "message:updated": (message: Message) => void;
  "message:deleted": (message: DeletedMessage) => void;
  "pin:added": (pin: OfMessage) => void;
  "pin:removed": (pin: OfMessage) => void;
  "reaction:added": (reaction: OfReaction & { userId: Id }) => void;
  "reaction:removed": (reaction: OfReaction & { userId: Id }) => void;
  "typing:started": (typing: InChannel & { userId: Id }) => void;
  "channel:created": (channel: Channel) => void;
  "channel:updated": (channel: Channel) => void;
  "channel:deleted": (channel: InChannel & InGroup) => void;
  "group:created": (group: JoinedGroup) => void;
  "group:updated": (group: Group) => void;
  "group:deleted": (group: InGroup) => void;
  "member:joined": (member: Member) => void;
  "member:updated": (member: Member) => void;
  "member:left": (member: InGroup & { userId: Id }) => void;
  "presence:changed": (presences: Presence[]) => void;
  "readState:updated": (readState: ReadState) => void;
  "user:updated": (user: User) => void;
  "settings:updated": (settings: Settings) => void;
  "sync:required": (gap: { channelIds?: Id[]; reason: string }) => void;
  "sync:mark": (mark: { serverTime: Time }) => void;
  "server:draining": (drain: { reconnectInMs: number }) => void;
}

/** Bits of `Channel.permissions`. */
export type Permission =
  | 1 // view
  | 2 // send
  | 4 // react
  | 8 // manageMessages
  | 16 // manageChannels
  | 32 // manageGroup
  | 64 // manageMembers
  | 128 // invite
  | 256; // mentionEveryone

// HTTP

/** The answer of `auth/register`, `auth/login` and `auth/refresh`. */
export interface Tokens {
  accessToken: string;
  accessTokenExpiresAt: Time;
  refreshToken: string;
  user: User;
}

/** One entry of `GET auth/sessions`. */
export interface SessionInfo {
  id: string;
  createdAt: Time;
  lastUsedAt: Time;
  userAgent: string;
  current: boolean;
}
