/** What a message can be shown as without knowing Markdown: most are a plain sentence. */

/** Marks, links, mentions, short codes and lines; and what makes a list, a heading or a rule at the start. */
const MARKED = /[\\`*_~|<>[\]\n]|:\/\/|:[a-z0-9_+-]{2,40}:|\w@|@everyone\b|www\.|^\s*(?:[-+#]|\d+[.)])/;
const ONLY_EMOJI = /^(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{RI}\u200d\ufe0f\u20e3]|\s)+$/u;
const EMOJI_MAX = 8;

/** The lexer would answer one paragraph with this text, or may be wrong about it in the careful direction only. */
export function isPlain(content: string): boolean {
  return !MARKED.test(content);
}

/** A few emoji and nothing else: shown large. */
export function isOnlyEmoji(content: string): boolean {
  return content.length <= 64 && ONLY_EMOJI.test(content) && countGraphemes(content) <= EMOJI_MAX;
}

function countGraphemes(text: string): number {
  return [...new Intl.Segmenter().segment(text.replaceAll(/\s/g, ""))].length;
}
