/**
 * Whether somebody is found by what was typed: by the start of a name, or of it from one of its words on, in the server's
 * folding (`query` in docs/protocol.md).
 */

/** As many as the server finds at once (`limit` of `user:search`). */
export const FOUND_MAX = 20;
/** Of the contract, which counts characters. */
export const QUERY_CHARS_MAX = 64;
/** A shorter one says too little of a name. */
const QUERY_CHARS_MIN = 2;

/** Made when it is needed: it costs a slow phone a fifth of a second. */
let words: Intl.Segmenter | undefined;
/** Scripts that set no spaces: each character may begin a word. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/gu;

/** NFKC without case. Upper case comes first, so that ß is ss, and by characters, so that all forms of sigma are one. */
export function fold(text: string): string {
  const upper = Array.from(text.normalize("NFKC"), (char) => char.toUpperCase()).join("");
  return Array.from(upper, (char) => char.toLowerCase())
    .join("")
    .normalize("NFKC");
}

/** An empty query fits everybody. */
export function isNamed(names: readonly string[], query: string): boolean {
  const wanted = fold(query.trim());
  return names.some((name) => {
    const folded = fold(name);
    return folded.startsWith(wanted) || wordStarts(folded).some((start) => folded.startsWith(wanted, start));
  });
}

/** Whether to ask for more of the name rather than to say that nobody is called so. */
export function isBrief(query: string): boolean {
  return [...query.trim().normalize("NFC")].length < QUERY_CHARS_MIN;
}

function wordStarts(folded: string): number[] {
  words ??= new Intl.Segmenter(undefined, { granularity: "word" });
  const starts = [...words.segment(folded)].filter(({ isWordLike }) => isWordLike).map(({ index }) => index);
  return [...starts, ...Array.from(folded.matchAll(UNSPACED), ({ index }) => index)];
}
