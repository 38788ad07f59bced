/** What the quick switcher offers, and in which order. */
import type { IconName } from "../parts/icons";
import { fold, fuzzyScore } from "./fuzzy";

export interface Entry {
  key: string;
  kind: "channel" | "direct" | "group" | "person";
  name: string;
  /** Behind the name: the group of a channel, the user name of a person. */
  detail: string;
  /** Found by this as well. */
  username?: string;
  icon?: IconName;
  avatar?: { id: string; src: string | null };
  unread?: boolean;
  mentions?: number;
  /** Place among the channels opened lately; -1 if it is none of them. */
  recent: number;
  open: () => void;
}

const SHOWN_MAX = 30;
const SCORE_RECENT = 25;
const SCORE_UNREAD = 15;

/** Without a query: unread mentions, then what was opened lately. With one: what fits best. */
export function rank(entries: readonly Entry[], query: string): Entry[] {
  const wanted = fold(query.trim().replace(/^[#@]/, ""));
  if (wanted === "") {
    const place = (entry: Entry) => (entry.recent < 0 ? Number.MAX_SAFE_INTEGER : entry.recent);
    return entries
      .filter((entry) => entry.kind !== "person")
      .sort((a, b) => Number((b.mentions ?? 0) > 0) - Number((a.mentions ?? 0) > 0) || place(a) - place(b))
      .slice(0, SHOWN_MAX);
  }
  return entries
    .flatMap((entry) => {
      const byName = fuzzyScore(wanted, fold(entry.name));
      const byUsername = entry.username ? fuzzyScore(wanted, fold(entry.username)) : null;
      if (byName === null && byUsername === null) return [];
      const score = Math.max(byName ?? -Infinity, byUsername ?? -Infinity);
      return [
        { entry, score: score + (entry.recent >= 0 ? SCORE_RECENT : 0) + (entry.unread ? SCORE_UNREAD : 0) },
      ];
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, SHOWN_MAX)
    .map(({ entry }) => entry);
}
