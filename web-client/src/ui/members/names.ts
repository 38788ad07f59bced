/** Words and numbers of the member list. */
import { getLocale, m } from "../../i18n";
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

const numbers = new Map<string, Intl.NumberFormat>();

/** "10,000" */
export function formatCount(count: number): string {
  const locale = getLocale();
  let format = numbers.get(locale);
  if (!format) numbers.set(locale, (format = new Intl.NumberFormat(locale)));
  return format.format(count);
}

const dates = new Map<string, Intl.DateTimeFormat>();

/** "24 Nov 2026" */
export function formatDate(time: number | string): string {
  const locale = getLocale();
  let format = dates.get(locale);
  if (!format) dates.set(locale, (format = new Intl.DateTimeFormat(locale, { dateStyle: "medium" })));
  return format.format(new Date(time));
}

/** When an id was made: its upper bits are Unix milliseconds. */
export function idTime(id: string): number {
  return Number(BigInt(id) >> 21n);
}
