/**
 * Groups, channels and the reader's memberships, kept up to date by `ready` and pushes, and the requests that change
 * them. Which messages are in a channel, and which are unread, is not known here.
 */
import { SvelteMap } from "svelte/reactivity";
import { isolate } from "../i18n/isolate";
import type { Client } from "../protocol/api";
import type {
  Channel,
  Group,
  Id,
  JoinedGroup,
  Member,
  PermissionName,
  Ready,
  User,
} from "../protocol/contract";
import type { Directory } from "./api";
import * as model from "./directory-model";
import { formatPath } from "./paths";
import { has, hasByRank, OWNER, rank } from "./permissions";

interface Parts {
  client: Client;
  meId: () => Id | null;
  lastMessageId: (channelId: Id) => Id | undefined;
  displayName: (userId: Id) => string;
  learn: (users: Iterable<User>) => void;
  /** Changed by the reader here; the push that says so does not come in the official group. */
  memberUpdated: (member: Member) => void;
  memberLeft: (groupId: Id, userId: Id) => void;
  /** Channels and groups have vanished; `byReader`: left or deleted here. */
  onGone: (gone: model.Gone, byReader: boolean) => void;
  /** The reader has made an invite. */
  invited: () => void;
}

export class DirectoryState implements Directory {
  readonly #parts: Parts;
  readonly #known: model.DirectoryModel = {
    groups: new SvelteMap(),
    channels: new SvelteMap(),
    memberships: new SvelteMap(),
  };
  /** Groups and channels that the reader is leaving or deleting here. */
  readonly #leaving = new Set<Id>();
  readonly #groups = $derived.by(() => model.sortGroups(this.#known));
  readonly #byGroup = $derived.by(() => model.channelsByGroup(this.#known.channels.values()));
  readonly #direct = $derived.by(() =>
    model.sortDirect(this.#known.channels.values(), this.#parts.lastMessageId),
  );

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client } = parts;
    client.on("group:created", (group) => this.#joined(group));
    client.on("group:updated", (group) => model.putGroup(this.#known, group));
    client.on("group:deleted", ({ groupId }) => this.#groupGone(groupId));
    client.on("channel:created", (channel) => this.#put(channel));
    client.on("channel:updated", (channel) => this.#put(channel));
    client.on("channel:deleted", ({ channelId }) => this.#channelGone(channelId));
    client.on("member:joined", ({ groupId, userId }) => this.#counted(groupId, userId, 1));
    client.on("member:left", ({ groupId, userId }) => this.#counted(groupId, userId, -1));
    client.on("member:updated", (member) => this.#ownMembership(member));
  }

  get groups(): readonly Group[] {
    return this.#groups;
  }

  get directChannels(): readonly Channel[] {
    return this.#direct;
  }

  group(id: Id): Group | undefined {
    return this.#known.groups.get(id);
  }

  channelsOf(groupId: Id): readonly Channel[] {
    return this.#byGroup.get(groupId) ?? [];
  }

  channel(id: Id): Channel | undefined {
    return this.#known.channels.get(id);
  }

  channels(): Iterable<Channel> {
    return this.#known.channels.values();
  }

  membership(groupId: Id): Member | undefined {
    return this.#known.memberships.get(groupId);
  }

  channelName(channel: Channel): string {
    if (channel.type !== "direct") return channel.name;
    const others = (channel.recipients ?? []).filter(({ id }) => id !== this.#parts.meId());
    const names = others.map(({ id }) => this.#parts.displayName(id));
    return names.length > 1 ? names.map(isolate).join(", ") : names.join("");
  }

  may(channelId: Id, permission: PermissionName): boolean {
    const channel = this.channel(channelId);
    return channel !== undefined && has(channel.permissions, permission);
  }

  async member(groupId: Id, userId: Id): Promise<Member | null> {
    // A list goes on behind `after`, so behind the id before comes this member, if there is one.
    const after = String(BigInt(userId) - 1n);
    const { members } = await this.#parts.client.request("member:list", { groupId, after, limit: 1 });
    const member = members[0];
    if (member?.userId !== userId) return null;
    this.#parts.learn([member.user]);
    return member;
  }

  mayInGroup(groupId: Id, permission: PermissionName): boolean {
    const channels = this.channelsOf(groupId);
    if (channels.length > 0) return channels.some((channel) => has(channel.permissions, permission));
    return hasByRank(this.#rank(groupId, this.membership(groupId)), permission);
  }

  outranks(member: Member): boolean {
    const { groupId } = member;
    const own = this.#rank(groupId, this.membership(groupId));
    // The operators of the server stand above the official group without a role in it.
    const operates = own < 2 && this.group(groupId)?.official && this.mayInGroup(groupId, "manageGroup");
    return (operates ? OWNER : own) > this.#rank(groupId, member);
  }

  #rank(groupId: Id, member: Member | undefined): number {
    const group = this.group(groupId);
    return group && member ? rank(member, group) : 0;
  }

  applyReady(ready: Pick<Ready, "groups" | "directChannels">): void {
    this.#parts.learn(peopleOf(ready));
    const gone = model.applyReady(this.#known, ready);
    if (gone.channels.length > 0 || gone.groups.length > 0) this.#parts.onGone(gone, false);
  }

  clear(): void {
    for (const map of Object.values(this.#known) as Map<Id, unknown>[]) map.clear();
  }

  /** What is known, in the form of `ready`, to be shown at the next start before the server has answered. */
  snapshot(): Pick<Ready, "groups" | "directChannels"> {
    const groups = this.groups.flatMap((group) => {
      const me = this.membership(group.id);
      return me ? [{ ...group, channels: [...this.channelsOf(group.id)], me }] : [];
    });
    return { groups, directChannels: [...this.directChannels] };
  }

  // Requests

  async createGroup(name: string): Promise<JoinedGroup> {
    return this.#joined(await this.#parts.client.request("group:create", { name }));
  }

  async updateGroup(groupId: Id, change: { name?: string; icon?: string | null }): Promise<void> {
    model.putGroup(this.#known, await this.#parts.client.request("group:update", { groupId, ...change }));
  }

  async deleteGroup(groupId: Id): Promise<void> {
    await this.#leave(groupId, () => this.#parts.client.request("group:delete", { groupId }));
    this.#groupGone(groupId, true);
  }

  async leaveGroup(groupId: Id): Promise<void> {
    await this.#leave(groupId, () => this.#parts.client.request("group:leave", { groupId }));
    this.#groupGone(groupId, true);
  }

  async createChannel(
    groupId: Id,
    channel: { name: string; topic?: string; type?: "text" | "announcement" },
  ): Promise<Channel> {
    return this.#put(await this.#parts.client.request("channel:create", { groupId, ...channel }));
  }

  async updateChannel(
    channelId: Id,
    change: { name?: string; topic?: string; position?: number; slowModeSeconds?: number },
  ): Promise<void> {
    this.#put(await this.#parts.client.request("channel:update", { channelId, ...change }));
  }

  async deleteChannel(channelId: Id): Promise<void> {
    await this.#leave(channelId, () => this.#parts.client.request("channel:delete", { channelId }));
    this.#channelGone(channelId, true);
  }

  async openDirect(userIds: Id[]): Promise<Channel> {
    return this.#put(await this.#parts.client.request("direct:open", { userIds }));
  }

  async createInvite(groupId: Id, limits: { expiresInSeconds?: number; maxUses?: number }) {
    const invite = await this.#parts.client.request("invite:create", { groupId, ...limits });
    this.#parts.invited();
    return invite;
  }

  async invites(groupId: Id) {
    return (await this.#parts.client.request("invite:list", { groupId })).invites;
  }

  async deleteInvite(code: string): Promise<void> {
    await this.#parts.client.request("invite:delete", { code });
  }

  previewInvite(code: string) {
    return this.#parts.client.request("invite:get", { code });
  }

  async acceptInvite(code: string): Promise<JoinedGroup> {
    return this.#joined(await this.#parts.client.request("invite:accept", { code }));
  }

  inviteLink(code: string): string {
    return location.origin + formatPath({ view: "invite", code });
  }

  bans(groupId: Id, after?: Id) {
    return this.#parts.client.request("ban:list", { groupId, ...(after && { after }) });
  }

  async unban(groupId: Id, userId: Id): Promise<void> {
    await this.#parts.client.request("member:unban", { groupId, userId });
  }

  async removeMember(groupId: Id, userId: Id, reason?: string): Promise<void> {
    await this.#parts.client.request("member:remove", { groupId, userId, ...(reason && { reason }) });
    this.#parts.memberLeft(groupId, userId);
  }

  async banMember(groupId: Id, userId: Id, reason?: string): Promise<void> {
    await this.#parts.client.request("member:ban", { groupId, userId, ...(reason && { reason }) });
    this.#parts.memberLeft(groupId, userId);
  }

  async updateMember(
    groupId: Id,
    userId: Id,
    change: { nickname?: string | null; roles?: string[] },
  ): Promise<void> {
    // `null` removes the nickname, so a field that does not change must be absent.
    const member = await this.#parts.client.request("member:update", { groupId, userId, ...change });
    this.#ownMembership(member);
    this.#parts.memberUpdated(member);
  }

  // Changes

  #joined(group: JoinedGroup): JoinedGroup {
    this.#parts.learn([group.me.user]);
    model.joinGroup(this.#known, group);
    return group;
  }

  #put(channel: Channel): Channel {
    this.#parts.learn(channel.recipients ?? []);
    model.putChannel(this.#known, channel);
    return channel;
  }

  /** The reader's own coming is in the count already that came with the group. */
  #counted(groupId: Id, userId: Id, change: 1 | -1): void {
    if (userId !== this.#parts.meId()) model.countMember(this.#known, groupId, change);
  }

  #ownMembership(member: Member): void {
    this.#parts.learn([member.user]);
    const meId = this.#parts.meId();
    if (meId !== null) model.updateOwnMembership(this.#known, member, meId);
  }

  async #leave(id: Id, request: () => Promise<unknown>): Promise<void> {
    this.#leaving.add(id);
    try {
      await request();
    } catch (error) {
      this.#leaving.delete(id);
      throw error;
    }
  }

  #groupGone(groupId: Id, byReader = this.#leaving.has(groupId)): void {
    this.#gone(model.removeGroup(this.#known, groupId), byReader);
  }

  #channelGone(channelId: Id, byReader = this.#leaving.has(channelId)): void {
    this.#gone(model.removeChannel(this.#known, channelId), byReader);
  }

  /** The answer and the push both come; only the first finds anything. */
  #gone(gone: model.Gone, byReader: boolean): void {
    for (const { id } of [...gone.groups, ...gone.channels]) this.#leaving.delete(id);
    if (gone.channels.length > 0 || gone.groups.length > 0) this.#parts.onGone(gone, byReader);
  }
}

function* peopleOf({ groups, directChannels }: Pick<Ready, "groups" | "directChannels">): Iterable<User> {
  for (const group of groups) yield group.me.user;
  for (const channel of directChannels) yield* channel.recipients ?? [];
}
