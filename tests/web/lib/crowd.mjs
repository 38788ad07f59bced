/** Members who exist only on the wire: a WebSocket in between answers `member:list` of one group by itself. */
import { unusedId } from '../../js/lib/suite.mjs';

/** An event with an ack, in Socket.IO's packets over Engine.IO's. */
const REQUEST = /^42(\d+)(\[.*\])$/s;

/** From now on the group has `count` members for everybody in this browser context. */
export async function inventMembers(context, groupId, count) {
  const base = BigInt(unusedId());
  const members = Array.from({ length: count }, (_, index) => invented(groupId, String(base + BigInt(index)), index));
  await context.routeWebSocket(/\/socket\.io\//, (page) => {
    const server = page.connectToServer();
    page.onMessage((packet) => {
      const [, ack, json] = REQUEST.exec(packet) ?? [];
      const [event, payload] = json ? JSON.parse(json) : [];
      if (event === 'member:list' && payload.groupId === groupId) return page.send(`43${ack}${JSON.stringify([{ ok: true, data: pageOf(members, payload) }])}`);
      server.send(packet);
    });
    server.onMessage((packet) => page.send(packet.startsWith?.('42["ready"') ? withCount(packet, groupId, count) : packet));
  });
}

function withCount(packet, groupId, memberCount) {
  const [event, ready] = JSON.parse(packet.slice(2));
  ready.groups = ready.groups.map((group) => (group.id === groupId ? { ...group, memberCount } : group));
  return `42${JSON.stringify([event, ready])}`;
}

function invented(groupId, userId, index) {
  const displayName = `Member ${String(index).padStart(5, '0')}`;
  const user = { id: userId, username: `member-${index}`, displayName, avatar: null };
  return { groupId, userId, user, roles: [], nickname: null, joinedAt: new Date(0).toISOString() };
}

function pageOf(members, { query, after, limit = 100 }) {
  const found = query ? members.filter(({ user }) => user.displayName.toLowerCase().startsWith(query.toLowerCase())) : members;
  const from = after ? found.findIndex(({ userId }) => BigInt(userId) > BigInt(after)) : 0;
  const page = from < 0 ? [] : found.slice(from, from + limit);
  return { members: page, hasMore: from >= 0 && from + limit < found.length };
}
