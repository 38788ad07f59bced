/**
 * How `ready`, pushes and answers change what is known of groups and channels. Works on any maps, reactive or not,
 * and touches only entries that differ, so that nothing repaints for what stays the same.
 */
import type { Channel, Group, Id, ListedGroup, Member, Ready } from "../protocol/contract";
import { compareIds } from "../protocol/ids";

export interface DirectoryModel {
  groups: Map<Id, Group>;
  channels: Map<Id, Channel>;
  /** The reader's own, by group. */
  memberships: Map<Id, Member>;
}

/** Channels that vanished; the reader may be in one of them. */
export type Gone = { channels: Channel[]; groups: Group[] };

export function applyReady(model: DirectoryModel, ready: Pick<Ready, "groups" | "directChannels">): Gone {
  const groupIds = new Set(ready.groups.map(({ id }) => id));
  const partial = new Set(ready.groups.filter((group) => group.partial).map(({ id }) => id));
  const channels = [...ready.groups.flatMap((group) => group.channels ?? []), ...ready.directChannels];
  const channelIds = new Set(channels.map(({ id }) => id));
  // Channels that did not fit are still there.
  const isGone = ({ id, groupId }: Channel) => !channelIds.has(id) && !(groupId && partial.has(groupId));
  const gone: Gone = {
    groups: [...model.groups.values()].filter(({ id }) => !groupIds.has(id)),
    channels: [...model.channels.values()].filter(isGone),
  };
  forget(model, gone);
  for (const group of ready.groups) joinGroup(model, group);
  for (const channel of ready.directChannels) put(model.channels, channel.id, channel);
  return gone;
}

export function joinGroup(
  model: DirectoryModel,
  { channels = [], me, partial: _, ...group }: ListedGroup,
): void {
  put(model.groups, group.id, group);
  put(model.memberships, group.id, me);
  for (const channel of channels) put(model.channels, channel.id, channel);
}

/** Of a group that is not known (left a moment ago) nothing is taken. */
export function putChannel(model: DirectoryModel, channel: Channel): void {
  if (channel.groupId !== undefined && !model.groups.has(channel.groupId)) return;
  put(model.channels, channel.id, channel);
}

export function putGroup(model: DirectoryModel, group: Group): void {
  if (model.groups.has(group.id)) put(model.groups, group.id, group);
}

export function removeChannel(model: DirectoryModel, channelId: Id): Gone {
  const channel = model.channels.get(channelId);
  const gone = { groups: [], channels: channel ? [channel] : [] };
  forget(model, gone);
  return gone;
}

export function removeGroup(model: DirectoryModel, groupId: Id): Gone {
  const group = model.groups.get(groupId);
  const channels = [...model.channels.values()].filter((channel) => channel.groupId === groupId);
  const gone = { groups: group ? [group] : [], channels };
  forget(model, gone);
  return gone;
}

/** A member came (1) or went (-1), as far as it is pushed; the next `ready` or `group:updated` corrects the count. */
export function countMember(model: DirectoryModel, groupId: Id, change: 1 | -1): void {
  const group = model.groups.get(groupId);
  if (!group) return;
  model.groups.set(groupId, { ...group, memberCount: Math.max(0, group.memberCount + change) });
}

export function updateOwnMembership(model: DirectoryModel, member: Member, meId: Id): void {
  if (member.userId === meId && model.groups.has(member.groupId))
    put(model.memberships, member.groupId, member);
}

export function sortGroups(model: DirectoryModel): Group[] {
  const joinedAt = (group: Group) => model.memberships.get(group.id)?.joinedAt ?? group.createdAt;
  return [...model.groups.values()].sort(
    (a, b) =>
      Number(b.official) - Number(a.official) ||
      joinedAt(a).localeCompare(joinedAt(b)) ||
      compareIds(a.id, b.id),
  );
}

/** The channels of every group, by position, then id. */
export function channelsByGroup(channels: Iterable<Channel>): Map<Id, Channel[]> {
  const byGroup = new Map<Id, Channel[]>();
  for (const channel of channels) {
    if (channel.groupId === undefined) continue;
    const list = byGroup.get(channel.groupId);
    if (list) list.push(channel);
    else byGroup.set(channel.groupId, [channel]);
  }
  for (const list of byGroup.values()) list.sort((a, b) => a.position - b.position || compareIds(a.id, b.id));
  return byGroup;
}

/** Direct channels, the one with the newest message first; without any, by their own age. */
export function sortDirect(
  channels: Iterable<Channel>,
  lastMessageId: (channelId: Id) => Id | undefined,
): Channel[] {
  const newest = (channel: Channel) => lastMessageId(channel.id) ?? channel.id;
  return [...channels]
    .filter((channel) => channel.type === "direct")
    .sort((a, b) => compareIds(newest(b), newest(a)));
}

function forget(model: DirectoryModel, gone: Gone): void {
  for (const { id } of gone.channels) model.channels.delete(id);
  for (const { id } of gone.groups) {
    model.groups.delete(id);
    model.memberships.delete(id);
  }
}

/** Pushes repeat what is known; equal values keep their identity. */
function put<T>(map: Map<Id, T>, id: Id, value: T): void {
  const known = map.get(id);
  if (known === undefined || JSON.stringify(known) !== JSON.stringify(value)) map.set(id, value);
}
