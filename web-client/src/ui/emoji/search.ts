/** Finds emoji by the beginnings of their words; those whose short code begins like the query come first. */
import type { Emoji } from "./data";

export function searchEmoji(all: readonly Emoji[], query: string, limit = Infinity): Emoji[] {
  const wanted = query
    .toLowerCase()
    .split(/[\s_]+/)
    .filter(Boolean);
  if (wanted.length === 0) return all.slice(0, limit);
  const found = all.filter((emoji) =>
    wanted.every((part) => emoji.words.some((word) => word.startsWith(part))),
  );
  const code = wanted.join("_");
  const rank = (emoji: Emoji) => {
    if (emoji.shortcodes.includes(code)) return 0;
    return emoji.shortcodes.some((shortcode) => shortcode.startsWith(code)) ? 1 : 2;
  };
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, limit);
}
