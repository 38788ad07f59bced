/** The emoji: fetched once, as a static asset of this server, when the picker or a `:name:` first needs them. */
import address from "./generated/emoji.json?url";

export interface Emoji {
  emoji: string;
  name: string;
  /** Index of Unicode's group, see `GROUPS`. */
  group: number;
  shortcodes: readonly string[];
  /** All words it is found by, in lower case. */
  words: readonly string[];
}

/** Unicode's groups in their order; 2 are parts of emoji, which nobody picks. */
export const GROUPS = [0, 1, 3, 4, 5, 6, 7, 8, 9] as const;

type Entry = [emoji: string, name: string, group: number, shortcodes: string, tags: string];

let loading: Promise<readonly Emoji[]> | null = null;

export function loadEmoji(): Promise<readonly Emoji[]> {
  loading ??= fetchAll().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function fetchAll(): Promise<readonly Emoji[]> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`emoji: ${response.status}`);
  return ((await response.json()) as Entry[]).map(fromEntry);
}

export function fromEntry([emoji, name, group, shortcodes, tags]: Entry): Emoji {
  const codes = shortcodes.split(" ").filter(Boolean);
  const words = [
    ...codes.flatMap((code) => [code, ...code.split("_")]),
    ...name.split(/[\s:,]+/),
    ...tags.split(" "),
  ];
  return {
    emoji,
    name,
    group,
    shortcodes: codes,
    words: [...new Set(words.filter(Boolean).map((word) => word.toLowerCase()))],
  };
}
