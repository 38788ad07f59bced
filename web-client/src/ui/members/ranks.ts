/**
 * Who stands where in a group, and what one member may do to another. Only what the page offers: the server
 * decides. Nobody changes their own roles, and roles are given only below one's own.
 */
import type { Group, Member } from "../../protocol/contract";

/** Owner > admin > moderator > member. */
export type Rank = 0 | 1 | 2 | 3;
export type RankName = "member" | "moderator" | "admin" | "owner";

const NAMES: readonly RankName[] = ["member", "moderator", "admin", "owner"];

export function rankOf(member: Pick<Member, "userId" | "roles">, group: Pick<Group, "ownerId">): Rank {
  if (group.ownerId === member.userId) return 3;
  if (member.roles.includes("admin")) return 2;
  return member.roles.includes("moderator") ? 1 : 0;
}

export function rankName(rank: Rank): RankName {
  return NAMES[rank] ?? "member";
}

export type ModerationAction =
  "makeModerator" | "unmakeModerator" | "makeAdmin" | "unmakeAdmin" | "remove" | "ban";

/** The rank of whoever looks. The operators of the official group are its owners, without a role. */
export function ownRank(
  me: Pick<Member, "userId" | "roles">,
  group: Pick<Group, "ownerId" | "official">,
  mayManageGroup: boolean,
): Rank {
  const rank = rankOf(me, group);
  return group.official && mayManageGroup && rank < 2 ? 3 : rank;
}

export interface Moderation {
  group: Pick<Group, "ownerId" | "official">;
  myId: string;
  myRank: Rank;
  /** The permission `manageMembers`. */
  mayManage: boolean;
  target: Pick<Member, "userId" | "roles">;
}

/** What to offer, in the order of a menu. Empty when nothing of it is possible. */
export function moderationActions({
  group,
  myId,
  myRank,
  mayManage,
  target,
}: Moderation): ModerationAction[] {
  const theirs = rankOf(target, group);
  if (!mayManage || myId === target.userId || myRank <= theirs) return [];
  const actions: ModerationAction[] = [];
  if (myRank > 1 && theirs < 2) actions.push(theirs === 1 ? "unmakeModerator" : "makeModerator");
  if (myRank > 2) actions.push(theirs === 2 ? "unmakeAdmin" : "makeAdmin");
  if (!group.official) actions.push("remove");
  actions.push("ban");
  return actions;
}

/** The roles after an action; other roles stay. */
export function rolesAfter(roles: readonly string[], action: ModerationAction): string[] {
  const rest = roles.filter((role) => role !== "moderator" && role !== "admin");
  if (action === "makeModerator") return [...rest, "moderator"];
  if (action === "makeAdmin") return [...rest, "admin"];
  return rest;
}
