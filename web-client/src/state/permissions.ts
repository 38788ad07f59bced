/** What the reader may, from the bits of a channel and the roles in a group. The server decides; this shows it. */
import { Permission, type Group, type Member, type PermissionName } from "../protocol/contract";

export function has(bits: string, permission: PermissionName): boolean {
  return (parseBits(bits) & Permission[permission]) !== 0n;
}

export const OWNER = 3;

/** Owner above admin above moderator above member. Custom roles count as member. */
export function rank(member: Pick<Member, "userId" | "roles">, group: Pick<Group, "ownerId">): number {
  if (group.ownerId !== null && group.ownerId === member.userId) return OWNER;
  if (member.roles.includes("admin")) return 2;
  return member.roles.includes("moderator") ? 1 : 0;
}

const MEMBER = 1n + 2n + 4n + 128n;
const MODERATOR = 8n + 64n + 256n;
const ALL = 511n;
const BY_RANK = [MEMBER, MEMBER | MODERATOR, ALL, ALL] as const;

/** For a group without channels, whose bits would say it exactly. */
export function hasByRank(rank: number, permission: PermissionName): boolean {
  return ((BY_RANK[rank] ?? MEMBER) & Permission[permission]) !== 0n;
}

function parseBits(bits: string): bigint {
  // A cached or future value that is no number grants nothing.
  return /^\d+$/.test(bits) ? BigInt(bits) : 0n;
}
