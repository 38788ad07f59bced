/** Carries out what `ranks.ts` offers; what hurts is asked first, by a dialog. */
import { m } from "../../i18n";
import type { Group, Member } from "../../protocol/contract";
import { app } from "../../state/app.svelte";
import { attempt } from "../groups/attempt";
import { openDialog } from "../groups/open";
import { toasts } from "../parts/toasts.svelte";
import { moderationActions, ownRank, rankOf, rolesAfter, type ModerationAction, type Rank } from "./ranks";

export function readerRank(group: Group): Rank {
  const me = app.directory.membership(group.id);
  return me ? ownRank(me, group, app.directory.mayInGroup(group.id, "manageGroup")) : 0;
}

export function offeredActions(member: Member, group: Group): ModerationAction[] {
  return moderationActions({
    group,
    myId: app.me.id,
    myRank: readerRank(group),
    mayManage: app.directory.mayInGroup(group.id, "manageMembers"),
    target: member,
  });
}

/** One's own always; that of others with `manageMembers`, below one's own rank. */
export function mayNickname(member: Member, group: Group): boolean {
  if (member.userId === app.me.id) return true;
  const mayManage = app.directory.mayInGroup(group.id, "manageMembers");
  return mayManage && readerRank(group) > rankOf(member, group);
}

export async function moderate(member: Member, action: ModerationAction): Promise<void> {
  if (action === "remove" || action === "ban" || action === "makeAdmin")
    return openDialog("moderate", { member, action });
  if (await attempt(changeRoles(member, action))) toastRoles(member);
}

export async function changeRoles(member: Member, action: ModerationAction): Promise<void> {
  const { groupId, userId, roles } = member;
  await app.directory.updateMember(groupId, userId, { roles: rolesAfter(roles, action) });
}

export function toastRoles(member: Member): void {
  const name = app.people.displayName(member.userId, member.groupId);
  toasts.show({ text: m.moderate_role_changed({ name }), tone: "success" });
}
