/**
 * The rows of the member list: headings and members. A small group is sorted by role, then by who is here, as far as that
 * is known; in a large one presence is known only of those in sight, so its members stay in the order they are loaded in
 * and no row moves while somebody scrolls.
 */
import type { Group, Member } from "../../protocol/contract";
import type { KnownPresence } from "../../state/api";
import { rankOf, type Rank } from "./ranks";

/** Above this many members, presence is not asked of all of them. */
export const SMALL_GROUP_MEMBERS = 200;

export type SectionName = "admins" | "moderators" | "online" | "offline" | "members";

export type MemberListRow =
  | { kind: "section"; key: string; section: SectionName; count: number }
  | { kind: "member"; key: string; member: Member; rank: Rank };

export interface MemberRowsInput {
  members: readonly Member[];
  group: Pick<Group, "ownerId" | "memberCount">;
  /** Null in a large group. */
  statusOf: ((userId: string) => KnownPresence["status"]) | null;
  nameOf: (member: Member) => string;
  locale: string;
  /** All that there are, so that counts are those of `members`. */
  complete: boolean;
}

export function memberRows(input: MemberRowsInput): MemberListRow[] {
  const sections = new Map<SectionName, { member: Member; rank: Rank }[]>(
    (["admins", "moderators", "online", "offline", "members"] as const).map((name) => [name, []]),
  );
  for (const member of input.members) {
    const rank = rankOf(member, input.group);
    sections.get(sectionOf(member, rank, input.statusOf))?.push({ member, rank });
  }
  const rows: MemberListRow[] = [];
  for (const [section, entries] of sections) {
    if (entries.length === 0) continue;
    if (input.statusOf || section !== "members") sort(entries, input);
    rows.push({
      kind: "section",
      key: section,
      section,
      count: sectionCount(section, entries.length, input),
    });
    for (const entry of entries) rows.push({ kind: "member", key: entry.member.userId, ...entry });
  }
  return rows;
}

function sectionOf(member: Member, rank: Rank, statusOf: MemberRowsInput["statusOf"]): SectionName {
  if (rank >= 2) return "admins";
  if (rank === 1) return "moderators";
  const status = statusOf?.(member.userId) ?? "unknown";
  if (status === "unknown" || status === "disconnected") return "members";
  return status === "offline" ? "offline" : "online";
}

/** While members are still to be loaded, the group knows better how many there are. */
function sectionCount(section: SectionName, shown: number, input: MemberRowsInput): number {
  if (input.complete || section !== "members") return shown;
  return Math.max(shown, input.group.memberCount - (input.members.length - shown));
}

const collators = new Map<string, Intl.Collator>();

/** Higher roles first, people who are here before those who are not, then by name. */
function sort(entries: { member: Member; rank: Rank }[], input: MemberRowsInput): void {
  let collator = collators.get(input.locale);
  if (!collator) {
    collator = new Intl.Collator(input.locale, { sensitivity: "base", numeric: true });
    collators.set(input.locale, collator);
  }
  const { compare } = collator;
  const keyed = entries.map((entry) => ({
    entry,
    away: input.statusOf?.(entry.member.userId) === "offline",
    name: input.nameOf(entry.member),
  }));
  keyed.sort(
    (a, b) => b.entry.rank - a.entry.rank || Number(a.away) - Number(b.away) || compare(a.name, b.name),
  );
  entries.splice(0, entries.length, ...keyed.map(({ entry }) => entry));
}
