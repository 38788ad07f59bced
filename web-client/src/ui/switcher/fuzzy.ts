/** How well a query fits a name: its letters in order, better together and at the beginnings of words. */
import { fold as foldCase } from "../../state/names";

/** Without case, accents and marks of direction: "élan" is found by "elan". */
export function fold(text: string): string {
  return foldCase(text)
    .normalize("NFKD")
    .replace(/[\p{M}\u2066-\u2069]/gu, "");
}

const SCORE_EXACT = 1000;
const SCORE_PREFIX = 500;
const SCORE_WORD = 60;
const SCORE_TOGETHER = 30;
const COST_SKIPPED = 1;

/** Null: does not fit. Higher is better. Both are folded. */
export function fuzzyScore(query: string, name: string): number | null {
  if (query === "") return 0;
  if (name === query) return SCORE_EXACT;
  let score = name.startsWith(query) ? SCORE_PREFIX : 0;
  const inside = name.indexOf(query);
  if (inside > 0) score += SCORE_TOGETHER * query.length;
  let at = -1;
  for (const letter of query) {
    if (letter === " ") continue;
    const next = name.indexOf(letter, at + 1);
    if (next < 0) return null;
    if (next === at + 1) score += SCORE_TOGETHER;
    else score -= COST_SKIPPED * (next - at - 1);
    if (next === 0 || /[\s_.\-#]/.test(name[next - 1]!)) score += SCORE_WORD;
    at = next;
  }
  // Of two that fit alike, the shorter one.
  return score - name.length * 0.5;
}
