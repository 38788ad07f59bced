/** Words of the member list. */
import { m } from "../../i18n";
import type { RankName } from "./ranks";
import type { SectionName } from "./sections";

const SECTIONS: Record<SectionName, () => string> = {
  admins: m.members_section_admins,
  moderators: m.members_section_moderators,
  online: m.members_section_online,
  offline: m.members_section_offline,
  members: m.members_section_members,
};

export function sectionName(section: SectionName): string {
  return SECTIONS[section]();
}

const RANKS: Record<RankName, () => string> = {
  owner: m.members_owner,
  admin: m.members_admin,
  moderator: m.members_moderator,
  member: m.members_member,
};

export function rankLabel(name: RankName): string {
  return RANKS[name]();
}

/** When an id was made: its upper bits are Unix milliseconds. */
export function idTime(id: string): number {
  return Number(BigInt(id) >> 21n);
}
