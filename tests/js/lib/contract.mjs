/**
 * The tables of docs/protocol.md as data: error codes, object shapes, the data of every ack and of every push.
 * The client of these tests holds everything it receives against them. Unknown fields are allowed: the contract may grow.
 */
import * as asyncapi from './asyncapi.mjs';

export const statusOf = {
  invalid_request: 400, unknown_event: 400,
  unauthorized: 401, token_expired: 401,
  forbidden: 403,
  group_not_found: 404, channel_not_found: 404, message_not_found: 404, member_not_found: 404, user_not_found: 404,
  invite_not_found: 404, session_not_found: 404, attachment_not_found: 404, route_not_found: 404,
  conflict: 409, too_large: 413, rate_limited: 429, unavailable: 503, timeout: 504,
};

export const bits = { view: 1, send: 2, react: 4, manageMessages: 8, manageChannels: 16, manageGroup: 32, manageMembers: 64, invite: 128, mentionEveryone: 256 };

// A shape is a function from a value and its path to a list of problems.
const is = (what, test) => (value, path) => (test(value) ? [] : [`${path} is ${JSON.stringify(value)?.slice(0, 200)}, not ${what}`]);
const string = is('a string', (value) => typeof value === 'string');
const boolean = is('a boolean', (value) => typeof value === 'boolean');
const count = is('a count', (value) => Number.isSafeInteger(value) && value >= 0);
const id = is('an id', (value) => typeof value === 'string' && /^[1-9]\d{0,18}$/.test(value));
const cursor = is('an id or "0"', (value) => typeof value === 'string' && /^\d{1,19}$/.test(value));
const decimal = is('decimal bits', (value) => typeof value === 'string' && /^\d+$/.test(value));
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const time = is('RFC 3339 UTC with milliseconds', (value) => typeof value === 'string' && TIME.test(value));
const oneOf = (...values) => is(`one of ${values}`, (value) => values.includes(value));
const nullable = (shape) => (value, path) => (value === null ? [] : shape(value, path));
const list = (shape) => (value, path) =>
  Array.isArray(value) ? value.flatMap((item, index) => shape(item, `${path}[${index}]`)) : [`${path} is not a list`];
const map = (shape) => (value, path) => Object.entries(value ?? {}).flatMap(([key, item]) => shape(item, `${path}.${key}`));

const own = (table, name) => (Object.hasOwn(table, name) ? table[name] : undefined);

/** Keys that end in `?` may be absent. */
const object = (fields) => (value, path) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is ${JSON.stringify(value)}, not an object`];
  return Object.entries(fields).flatMap(([key, shape]) => {
    const name = key.replace('?', '');
    if (value[name] === undefined) return key.endsWith('?') ? [] : [`${path}.${name} is missing`];
    return shape(value[name], `${path}.${name}`);
  });
};
const all = (...shapes) => (value, path) => shapes.flatMap((shape) => shape(value, path));
const numbers = (value, path) => map(is('a number', (item) => typeof item === 'number'))(value, path);

const User = object({ id, username: string, displayName: string, avatar: nullable(string) });
const Attachment = object({ id, name: string, contentType: string, size: count, url: string, 'width?': count, 'height?': count, 'alt?': string });
const Message = object({
  id, channelId: id, 'groupId?': id, author: User, type: string, content: string, createdAt: time, 'editedAt?': time, 'nonce?': string,
  'replyTo?': nullable(object({ id, author: User, content: string })), mentions: list(id), mentionsEveryone: boolean,
  attachments: list(Attachment), embeds: list(object({})), reactions: list(object({ emoji: string, count, me: boolean })), pinned: boolean, flags: count,
});
const Channel = object({
  id, 'groupId?': id, type: oneOf('text', 'announcement', 'direct'), name: string, topic: string, position: count, slowModeSeconds: count,
  'lastMessageId?': id, 'recipients?': list(User), permissions: decimal,
});
const Group = object({ id, name: string, icon: nullable(string), ownerId: nullable(id), memberCount: count, official: boolean, createdAt: time });
const Member = object({ groupId: id, userId: id, user: User, roles: list(string), nickname: nullable(string), joinedAt: time });
const Invite = object({ code: string, groupId: id, creatorId: id, uses: count, maxUses: nullable(count), expiresAt: nullable(time) });
const ReadState = object({ channelId: id, lastReadId: nullable(cursor), mentionCount: count });
const presence = (status) => object({ userId: id, status, text: string });
const Presence = presence(oneOf('online', 'idle', 'dnd', 'offline'));
const FullGroup = all(Group, object({ channels: list(Channel), me: Member }));
const ListedGroup = all(Group, object({ 'channels?': list(Channel), 'partial?': is('true', (value) => value === true), me: Member }),
  is('channels or partial', (value) => (value.channels === undefined) === (value.partial === true)));
const WholeGroup = all(FullGroup, object({ readStates: list(ReadState) }));
const Tokens = object({ accessToken: string, accessTokenExpiresAt: time, refreshToken: string, user: User });
const Session = object({ id: string, createdAt: time, lastUsedAt: time, userAgent: nullable(string), current: boolean });
const nothing = is('{}', (value) => typeof value === 'object' && value !== null && Object.keys(value).length === 0);
const page = (name, shape) => object({ [name]: list(shape), hasMore: boolean });
const Messages = all(page('messages', Message), object({ 'hasMoreBefore?': boolean, 'hasMoreAfter?': boolean }));
const InviteView = object({ code: string, group: object({ id, name: string, icon: nullable(string), memberCount: count }), creator: User, expiresAt: nullable(time) });
const Ready = object({
  serverId: string, serverTime: time, user: User, groups: list(ListedGroup), directChannels: list(Channel), readStates: list(ReadState), limits: numbers,
});
const Settings = object({ settings: object({}) });
const kinds = ['updated', 'deleted', 'reaction_added', 'reaction_removed', 'pinned', 'unpinned'];
const Synced = object({
  serverTime: time, channels: map(object({ messages: list(Message), complete: boolean })),
  changed: list(object({ channelId: id, messageId: id, kind: oneOf(...kinds) })),
});

export const shapes = { User, Message, Channel, Group, FullGroup, ListedGroup, WholeGroup, Member, Invite, ReadState, Presence, Tokens, Session, Messages, InviteView, Ready, Settings, list, object, page };

/** The data of an ok ack, by event: the Requests table. */
export const requests = {
  'message:create': Message, 'message:update': Message, 'message:delete': nothing, 'message:list': Messages,
  'reaction:add': nothing, 'reaction:remove': nothing, 'reaction:list': page('users', User),
  'pin:add': nothing, 'pin:remove': nothing, 'pin:list': page('messages', Message),
  'typing:start': nothing, 'channel:read': ReadState,
  'channel:create': Channel, 'channel:update': Channel, 'channel:delete': nothing,
  'group:create': FullGroup, 'group:update': Group, 'group:get': WholeGroup, 'group:delete': nothing, 'group:leave': nothing,
  'invite:create': Invite, 'invite:list': object({ invites: list(Invite) }), 'invite:get': InviteView, 'invite:accept': FullGroup, 'invite:delete': nothing,
  'member:list': page('members', Member), 'member:update': Member, 'member:remove': nothing, 'member:ban': nothing, 'member:unban': nothing,
  'ban:list': page('bans', object({ user: User, reason: nullable(string), createdAt: time })),
  'direct:open': Channel, 'user:update': User, 'user:search': object({ users: list(User) }),
  'presence:update': nothing, 'presence:watch': object({ presences: list(Presence) }), 'session:sync': Synced,
  'settings:get': Settings, 'settings:update': Settings,
};

const messageRef = object({ channelId: id, messageId: id });
const deleted = object({ channelId: id, messageId: id, 'lastMessageId?': nullable(id) });
const reaction = object({ channelId: id, messageId: id, emoji: string, userId: id });
const memberRef = object({ groupId: id, userId: id });
const withoutMe = (value, path) => (value?.reactions ?? []).some((item) => item.me) ? [`${path}.reactions: \`me\` is true in a push`] : [];

/** What a push carries, by name: the Pushes table. */
export const pushes = {
  ready: Ready,
  'message:created': all(Message, withoutMe), 'message:updated': all(Message, withoutMe), 'message:deleted': deleted,
  'pin:added': messageRef, 'pin:removed': messageRef, 'reaction:added': reaction, 'reaction:removed': reaction,
  'typing:started': object({ channelId: id, userId: id }),
  'channel:created': Channel, 'channel:updated': Channel, 'channel:deleted': object({ channelId: id, groupId: id }),
  'group:created': FullGroup, 'group:updated': Group, 'group:deleted': object({ groupId: id }),
  'member:joined': Member, 'member:updated': Member, 'member:left': memberRef,
  'presence:changed': list(Presence), 'readState:updated': ReadState, 'user:updated': User, 'settings:updated': Settings,
  'sync:required': object({ 'channelIds?': list(id), reason: string }), 'sync:mark': object({ serverTime: time }),
  'server:draining': object({ reconnectInMs: count }),
};

const success = (event) => object({ ok: is('true', (value) => value === true), data: own(requests, event) ?? object({}) });
const failure = object({
  ok: is('false', (value) => value === false),
  error: object({
    code: oneOf(...Object.keys(statusOf)), message: is('a text', (value) => typeof value === 'string' && value.length > 0),
    'retryAfterMs?': count, 'fields?': map(string),
  }),
});

/** Problems of one ack. */
export function ackProblems(event, answer) {
  const documented = asyncapi.documentProblems(asyncapi.acks, event, answer);
  if (answer?.ok === true) return [...success(event)(answer, event), ...documented];
  const problems = [...failure(answer, event), ...documented];
  if (answer?.error?.code === 'rate_limited' && !(answer.error.retryAfterMs > 0)) problems.push(`${event}: rate_limited without retryAfterMs`);
  return problems;
}

/** Problems of one push. */
export function pushProblems(name, payload, extra) {
  if (extra.length) return [`${name} has ${extra.length + 1} arguments`];
  if (!own(pushes, name)) return [`the push ${name} is not in the contract`];
  return [...pushes[name](payload, name), ...asyncapi.documentProblems(asyncapi.pushes, name, payload)];
}
