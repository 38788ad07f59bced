/**
 * The HTTP table as data. A row: method, path (with `{names}` as in openapi.json), status of a success, shape of its body,
 * the request body from a scene, and the code that a stranger is told. Order matters to nobody: rows get a scene each.
 *
 * The scene is that of table.mjs, with `values` for the names in the path.
 */
import { requests, shapes } from './contract.mjs';

const { list, object, User, Message, Channel, FullGroup, ListedGroup, WholeGroup, Group, Member, Invite, ReadState, Session, Settings } = shapes;
const one = (name, shape) => object({ [name]: list(shape) });

const CHANNEL = 'channels/{channelId}';
const MESSAGE = `${CHANNEL}/messages/{messageId}`;
const REACTION = `${MESSAGE}/reactions/{emoji}`;
const GROUP = 'groups/{groupId}';

export const routes = [
  { method: 'GET', path: 'auth/sessions', status: 200, shape: one('sessions', Session) },
  { method: 'GET', path: 'users/me', status: 200, shape: User },
  { method: 'PATCH', path: 'users/me', status: 200, shape: User, body: () => ({ displayName: 'By HTTP' }) },
  { method: 'GET', path: 'users/me/settings', status: 200, shape: Settings },
  { method: 'PATCH', path: 'users/me/settings', status: 200, shape: Settings, body: () => ({ settings: { theme: 'dark' } }) },
  { method: 'GET', path: 'users', query: 'query=person&limit=5', status: 200, shape: one('users', User) },
  { method: 'GET', path: 'groups', status: 200, shape: one('groups', ListedGroup) },
  { method: 'POST', path: 'groups', status: 201, shape: FullGroup, body: () => ({ name: 'By HTTP' }) },
  { method: 'GET', path: GROUP, status: 200, shape: WholeGroup, hidden: 'group_not_found' },
  { method: 'PATCH', path: GROUP, status: 200, shape: Group, body: () => ({ name: 'Renamed' }), hidden: 'group_not_found', power: true },
  { method: 'DELETE', path: GROUP, status: 204, hidden: 'group_not_found', power: true },
  { method: 'POST', path: `${GROUP}/leave`, status: 204, hidden: 'group_not_found', as: 'member' },
  { method: 'GET', path: `${GROUP}/channels`, status: 200, shape: one('channels', Channel), hidden: 'group_not_found' },
  { method: 'POST', path: `${GROUP}/channels`, status: 201, shape: Channel, body: () => ({ name: 'by-http' }), hidden: 'group_not_found', power: true },
  { method: 'GET', path: CHANNEL, status: 200, shape: Channel, hidden: 'channel_not_found' },
  { method: 'PATCH', path: CHANNEL, status: 200, shape: Channel, body: () => ({ topic: 'By HTTP' }), hidden: 'channel_not_found', power: true },
  { method: 'DELETE', path: CHANNEL, status: 204, hidden: 'channel_not_found', power: true },
  { method: 'GET', path: `${CHANNEL}/messages`, query: 'limit=5&before=9000000000000000000', status: 200, shape: requests['message:list'], hidden: 'channel_not_found' },
  { method: 'POST', path: `${CHANNEL}/messages`, status: 201, shape: Message, body: () => ({ content: 'By HTTP' }), hidden: 'channel_not_found' },
  { method: 'GET', path: MESSAGE, status: 200, shape: Message, hidden: 'channel_not_found', missing: 'message_not_found' },
  { method: 'PATCH', path: MESSAGE, status: 200, shape: Message, body: () => ({ content: 'Edited' }), hidden: 'channel_not_found', missing: 'message_not_found' },
  { method: 'DELETE', path: MESSAGE, status: 204, hidden: 'channel_not_found', missing: 'message_not_found' },
  { method: 'PUT', path: REACTION, status: 204, hidden: 'channel_not_found', missing: 'message_not_found' },
  { method: 'DELETE', path: REACTION, status: 204, hidden: 'channel_not_found', missing: 'message_not_found' },
  { method: 'GET', path: REACTION, query: 'limit=5', status: 200, shape: requests['reaction:list'], hidden: 'channel_not_found', missing: 'message_not_found' },
  { method: 'GET', path: `${CHANNEL}/pins`, query: 'before=9000000000000000000', status: 200, shape: requests['pin:list'], hidden: 'channel_not_found' },
  { method: 'PUT', path: `${CHANNEL}/pins/{messageId}`, status: 204, hidden: 'channel_not_found', missing: 'message_not_found', power: true },
  { method: 'DELETE', path: `${CHANNEL}/pins/{messageId}`, status: 204, hidden: 'channel_not_found', missing: 'message_not_found', power: true },
  { method: 'PUT', path: `${CHANNEL}/read`, status: 200, shape: ReadState, body: ({ messageId }) => ({ messageId }), hidden: 'channel_not_found' },
  { method: 'GET', path: `${GROUP}/members`, query: 'query=person&limit=5', status: 200, shape: requests['member:list'], hidden: 'group_not_found' },
  { method: 'PATCH', path: `${GROUP}/members/{userId}`, status: 200, shape: Member, body: () => ({ nickname: 'Nick' }), hidden: 'group_not_found', missing: 'member_not_found' },
  { method: 'DELETE', path: `${GROUP}/members/{userId}`, status: 204, hidden: 'group_not_found', missing: 'member_not_found', power: true },
  { method: 'GET', path: `${GROUP}/bans`, query: 'limit=5', status: 200, shape: requests['ban:list'], hidden: 'group_not_found', power: true },
  { method: 'PUT', path: `${GROUP}/bans/{userId}`, status: 204, body: () => ({ reason: 'By HTTP' }), hidden: 'group_not_found', missing: 'user_not_found', power: true },
  { method: 'DELETE', path: `${GROUP}/bans/{userId}`, status: 204, hidden: 'group_not_found', banned: true, power: true },
  { method: 'GET', path: `${GROUP}/invites`, status: 200, shape: one('invites', Invite), hidden: 'group_not_found' },
  { method: 'POST', path: `${GROUP}/invites`, status: 201, shape: Invite, body: () => ({ maxUses: 5 }), hidden: 'group_not_found' },
  { method: 'GET', path: 'invites/{code}', status: 200, shape: requests['invite:get'] },
  { method: 'DELETE', path: 'invites/{code}', status: 204, hidden: 'invite_not_found' },
  { method: 'POST', path: 'invites/{code}/accept', status: [200, 201], shape: FullGroup },
  { method: 'POST', path: 'direct-channels', status: [200, 201], shape: Channel, body: ({ member }) => ({ userIds: [member.id] }) },
];

/** Routes that need no row above: without a bearer, or with an end of the session. */
export const authRoutes = ['auth/register', 'auth/login', 'auth/refresh', 'auth/logout', 'auth/password'];

/** The address of a row for a scene; `values` overrides what the names stand for. */
export function address({ path, query, banned }, scene, values = {}) {
  const named = { ...scene, userId: banned ? scene.banned.id : scene.member.id, ...values };
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(named[name]));
  return `/api/v1/${filled}${query ? `?${query}` : ''}`;
}
