/**
 * The Requests table as data. Each row says how a valid payload is made from a scene, which fields are required,
 * what the ids in it name, and what a stranger has to be told. Used by the table, error and probe tests.
 *
 * A scene: `{ groupId, channelId, messageId, code, emoji, owner, member, stranger, banned }`.
 */

const channelThing = (more = () => ({})) => (scene) => ({ channelId: scene.channelId, ...more(scene) });
const groupThing = (more = () => ({})) => (scene) => ({ groupId: scene.groupId, ...more(scene) });
const messageThing = (more = () => ({})) => channelThing((scene) => ({ messageId: scene.messageId, ...more(scene) }));
const personThing = (more = () => ({})) => groupThing((scene) => ({ userId: scene.member.id, ...more(scene) }));

/**
 * `required`: fields that must be there. `typed`: per field, values of a wrong type. `missing`: per id field, the code for
 * an id that names nothing. `hidden`: what a stranger gets for a real one (absent: anybody may ask).
 */
export const table = {
  'message:create': { payload: channelThing(() => ({ content: 'text' })), required: ['channelId', 'content'], missing: { channelId: 'channel_not_found', replyToId: 'message_not_found' }, hidden: 'channel_not_found', strings: ['content', 'nonce'] },
  'message:update': { payload: messageThing(() => ({ content: 'edited' })), required: ['channelId', 'messageId', 'content'], missing: { channelId: 'channel_not_found', messageId: 'message_not_found' }, hidden: 'channel_not_found', strings: ['content'] },
  'message:delete': { payload: messageThing(), required: ['channelId', 'messageId'], missing: { channelId: 'channel_not_found', messageId: 'message_not_found' }, hidden: 'channel_not_found' },
  'message:list': { payload: channelThing(), required: ['channelId'], missing: { channelId: 'channel_not_found' }, hidden: 'channel_not_found', numbers: ['limit'] },
  'reaction:add': { payload: messageThing(({ emoji }) => ({ emoji })), required: ['channelId', 'messageId', 'emoji'], missing: { channelId: 'channel_not_found', messageId: 'message_not_found' }, hidden: 'channel_not_found', strings: ['emoji'] },
  'reaction:remove': { payload: messageThing(({ emoji }) => ({ emoji })), required: ['channelId', 'messageId', 'emoji'], missing: { channelId: 'channel_not_found', messageId: 'message_not_found' }, hidden: 'channel_not_found', strings: ['emoji'] },
  'reaction:list': { payload: messageThing(({ emoji }) => ({ emoji })), required: ['channelId', 'messageId', 'emoji'], missing: { channelId: 'channel_not_found', messageId: 'message_not_found' }, hidden: 'channel_not_found', strings: ['emoji'], numbers: ['limit'] },
  'pin:add': { payload: messageThing(), required: ['channelId', 'messageId'], missing: { channelId: 'channel_not_found', messageId: 'message_not_found' }, hidden: 'channel_not_found', power: true },
  'pin:remove': { payload: messageThing(), required: ['channelId', 'messageId'], missing: { channelId: 'channel_not_found', messageId: 'message_not_found' }, hidden: 'channel_not_found', power: true },
  'pin:list': { payload: channelThing(), required: ['channelId'], missing: { channelId: 'channel_not_found' }, hidden: 'channel_not_found' },
  'typing:start': { payload: channelThing(), required: ['channelId'], missing: { channelId: 'channel_not_found' }, hidden: 'channel_not_found' },
  'channel:read': { payload: messageThing(), required: ['channelId', 'messageId'], missing: { channelId: 'channel_not_found' }, hidden: 'channel_not_found' },
  'channel:create': { payload: groupThing(() => ({ name: 'made by the table' })), required: ['groupId', 'name'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found', strings: ['name', 'topic', 'type'], numbers: ['position', 'slowModeSeconds'], power: true },
  'channel:update': { payload: channelThing(() => ({ topic: 'changed' })), required: ['channelId'], missing: { channelId: 'channel_not_found' }, hidden: 'channel_not_found', strings: ['name', 'topic'], numbers: ['position', 'slowModeSeconds'], power: true },
  'channel:delete': { payload: channelThing(), required: ['channelId'], missing: { channelId: 'channel_not_found' }, hidden: 'channel_not_found', power: true },
  'group:create': { payload: () => ({ name: 'made by the table' }), required: ['name'], missing: {}, strings: ['name', 'icon'] },
  'group:update': { payload: groupThing(() => ({ name: 'renamed' })), required: ['groupId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found', strings: ['name', 'icon'], power: true },
  'group:get': { payload: groupThing(), required: ['groupId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found' },
  'group:delete': { payload: groupThing(), required: ['groupId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found', power: true },
  'group:leave': { payload: groupThing(), required: ['groupId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found', as: 'member' },
  'invite:create': { payload: groupThing(), required: ['groupId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found', numbers: ['expiresInSeconds', 'maxUses'] },
  'invite:list': { payload: groupThing(), required: ['groupId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found' },
  'invite:get': { payload: ({ code }) => ({ code }), required: ['code'], missing: { code: 'invite_not_found' }, strings: ['code'] },
  'invite:accept': { payload: ({ code }) => ({ code }), required: ['code'], missing: { code: 'invite_not_found' }, strings: ['code'] },
  'invite:delete': { payload: ({ code }) => ({ code }), required: ['code'], missing: { code: 'invite_not_found' }, hidden: 'invite_not_found', strings: ['code'] },
  'member:list': { payload: groupThing(), required: ['groupId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found', strings: ['query'], numbers: ['limit'] },
  'member:update': { payload: personThing(() => ({ nickname: 'nick' })), required: ['groupId', 'userId'], missing: { groupId: 'group_not_found', userId: 'member_not_found' }, hidden: 'group_not_found', strings: ['nickname'] },
  'member:remove': { payload: personThing(), required: ['groupId', 'userId'], missing: { groupId: 'group_not_found', userId: 'member_not_found' }, hidden: 'group_not_found', strings: ['reason'], power: true },
  'member:ban': { payload: personThing(), required: ['groupId', 'userId'], missing: { groupId: 'group_not_found', userId: 'user_not_found' }, hidden: 'group_not_found', strings: ['reason'], power: true },
  'member:unban': { payload: groupThing(({ banned }) => ({ userId: banned.id })), required: ['groupId', 'userId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found', power: true },
  'ban:list': { payload: groupThing(), required: ['groupId'], missing: { groupId: 'group_not_found' }, hidden: 'group_not_found', numbers: ['limit'], power: true },
  'direct:open': { payload: ({ member }) => ({ userIds: [member.id] }), required: ['userIds'], missing: {} },
  'user:update': { payload: () => ({ displayName: 'Named by the table' }), required: [], missing: {}, strings: ['displayName', 'avatar'] },
  'user:search': { payload: () => ({ query: 'person' }), required: ['query'], missing: {}, strings: ['query'], numbers: ['limit'] },
  'presence:update': { payload: () => ({ status: 'online' }), required: ['status'], missing: {}, strings: ['status', 'text'] },
  'presence:watch': { payload: ({ member }) => ({ userIds: [member.id] }), required: ['userIds'], missing: {} },
  'settings:get': { payload: () => ({}), required: [], missing: {} },
  'settings:update': { payload: () => ({ settings: { table: true } }), required: ['settings'], missing: {}, strings: [] },
  'session:sync': { payload: ({ channelId, owner }) => ({ channels: { [channelId]: '0' }, since: owner.ready.serverTime }), required: ['channels', 'since'], missing: {}, strings: ['since'] },
};

/** Every field of a request that holds an id. */
export const idFields = ['channelId', 'messageId', 'groupId', 'userId', 'replyToId', 'before', 'after', 'around'];
