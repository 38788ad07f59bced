/** What an avatar shows without a picture: initials, and a hue that stays the same for an id. */

/** As many hues as theme-independent classes in Avatar.svelte. */
export const HUES = 8;

export function hueOf(id: string): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
  return hash % HUES;
}

/** "Ada Lovelace" is AL, "ada" is A; letters are whole graphemes, also of emoji and Arabic. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s_.-]+/u).filter((word) => word !== "");
  const first = (word: string | undefined) => (word ? firstGrapheme(word).toLocaleUpperCase() : "");
  const start = first(words[0]);
  // Joined Arabic initials would read as a word; one letter is enough there, and beside an emoji.
  if (!/^\p{Script=Latin}|^\p{Script=Cyrillic}|^\p{Script=Greek}/u.test(start)) return start || "?";
  return words.length > 1 ? start + first(words.at(-1)) : start;
}

/** Letters that stand alone if no mark follows. */
const LETTER =
  /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Arabic}\p{Script=Han}\d](?![\p{M}\p{Cf}])/u;

/** Making a segmenter takes tens of milliseconds, so only what needs one gets one. */
function firstGrapheme(word: string): string {
  return LETTER.exec(word)?.[0] ?? [...new Intl.Segmenter().segment(word)][0]!.segment;
}
