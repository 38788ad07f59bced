/** Objects of the contract for tests; only what a test is about is given. */
import type { Channel, Group, JoinedGroup, Member, Message, Ready, User } from "../../protocol/contract";

export const user = (id: string, name = `user${id}`): User => ({
  id,
  username: name,
  displayName: name,
  avatar: null,
});

export const ME = user("1", "ada");
export const BOB = user("2", "bob");

export const channel = (id: string, rest: Partial<Channel> = {}): Channel => ({
  id,
  type: "text",
  name: `channel${id}`,
  topic: "",
  position: 0,
  slowModeSeconds: 0,
  permissions: "135",
  ...rest,
});

export const direct = (id: string, ...recipients: User[]): Channel =>
  channel(id, { type: "direct", name: "", recipients: [ME, ...recipients], permissions: "7" });

export const group = (id: string, rest: Partial<Group> = {}): Group => ({
  id,
  name: `group${id}`,
  icon: null,
  ownerId: "9",
  memberCount: 2,
  official: false,
  createdAt: "1970-01-01T00:00:00.000Z",
  ...rest,
});

export const member = (groupId: string, of: User, rest: Partial<Member> = {}): Member => ({
  groupId,
  userId: of.id,
  user: of,
  roles: [],
  nickname: null,
  joinedAt: "1970-01-01T00:00:00.000Z",
  ...rest,
});

/** A group of the reader, with channels of these ids. */
export const joined = (id: string, channelIds: string[], rest: Partial<Group> = {}): JoinedGroup => ({
  ...group(id, rest),
  channels: channelIds.map((channelId, position) => channel(channelId, { groupId: id, position })),
  me: member(id, ME),
});

export const message = (
  id: string,
  channelId: string,
  author = BOB,
  rest: Partial<Message> = {},
): Message => ({
  id,
  channelId,
  author,
  type: "default",
  content: `message ${id}`,
  createdAt: "2026-01-01T00:00:00.000Z",
  mentions: [],
  mentionsEveryone: false,
  attachments: [],
  embeds: [],
  reactions: [],
  pinned: false,
  flags: 0,
  ...rest,
});

export const ready = (rest: Partial<Ready> = {}): Ready => ({
  serverId: "n0",
  serverTime: "2026-01-01T00:00:00.000Z",
  user: ME,
  groups: [],
  directChannels: [],
  readStates: [],
  limits: {
    contentChars: 4000,
    nameChars: 100,
    topicChars: 1000,
    messagesPage: 100,
    membersPage: 200,
    syncChannels: 1000,
    watchedUsers: 3,
    settingsBytes: 16384,
    readyBytes: 2000000,
    attachmentBytes: 1,
    attachmentsPerMessage: 10,
  },
  ...rest,
});
