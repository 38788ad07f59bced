/** What a newcomer can begin with, and what of it is done. Knows only what it is told. */
import type { Group, Id, User } from "../../protocol/contract";

export type FirstStep =
  | { kind: "picture"; done: boolean }
  | { kind: "group"; done: boolean }
  /** To this group; null: to the server, where everybody who registers is in the official group. */
  | { kind: "invite"; done: boolean; groupId: Id | null };

interface Newcomer {
  me: Pick<User, "id" | "avatar">;
  groups: readonly Pick<Group, "id" | "ownerId" | "official" | "memberCount">[];
  /** The group that is open. */
  openId: Id | null;
  hasInvited: boolean;
  mayInvite: (groupId: Id) => boolean;
}

export function firstSteps({ me, groups, openId, hasInvited, mayInvite }: Newcomer): FirstStep[] {
  const joined = groups.filter((group) => !group.official);
  const own = joined.filter(({ ownerId }) => ownerId === me.id);
  const open = joined.filter(({ id }) => id === openId);
  const target = [...open, ...own, ...joined].find(({ id }) => mayInvite(id));
  const came = own.some(({ memberCount }) => memberCount > 1);
  return [
    { kind: "picture", done: me.avatar !== null },
    { kind: "group", done: joined.length > 0 },
    { kind: "invite", done: hasInvited || came, groupId: target?.id ?? null },
  ];
}

/** Where nobody else is yet, other people matter more than anything. */
export function inOrder(steps: readonly FirstStep[], alone: boolean): FirstStep[] {
  if (!alone) return [...steps];
  return [...steps].sort((one, other) => Number(other.kind === "invite") - Number(one.kind === "invite"));
}
