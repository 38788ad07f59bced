/**
 * Trims the emoji data of `emoji-picker-element-data` to what the picker and the `:` suggestions use. The result
 * is a static asset (`src/ui/emoji/generated/emoji.json`, not in git) that the page fetches once, when needed.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";

interface Source {
  emoji: string;
  annotation: string;
  group: number;
  order: number;
  version: number;
  shortcodes?: string[];
  tags?: string[];
}

/** Newer ones are empty boxes on systems that are a few years old. */
const UNICODE_VERSION_MAX = 14;
/** "Components" (skin tones alone) are no emoji to pick. */
const GROUP_COMPONENTS = 2;
const TAGS_MAX = 6;

const TARGET = new URL("../src/ui/emoji/generated/emoji.json", import.meta.url);

export function emojiAsset(): Plugin {
  return {
    name: "emoji-asset",
    configResolved() {
      const source = createRequire(import.meta.url).resolve(
        "emoji-picker-element-data/en/emojibase/data.json",
      );
      const trimmed = JSON.stringify(trim(JSON.parse(readFileSync(source, "utf8")) as Source[]));
      if (existsSync(TARGET) && readFileSync(TARGET, "utf8") === trimmed) return;
      mkdirSync(new URL(".", TARGET), { recursive: true });
      writeFileSync(TARGET, trimmed);
    },
  };
}

/** Rows of `[emoji, name, group, short codes, other words]`, see `src/ui/emoji/data.ts`. */
function trim(source: Source[]): unknown[] {
  return source
    .filter((entry) => entry.version <= UNICODE_VERSION_MAX && entry.group !== GROUP_COMPONENTS)
    .sort((a, b) => a.order - b.order)
    .map((entry) => {
      const codes = entry.shortcodes ?? [];
      const tags = (entry.tags ?? []).filter((tag) => !entry.annotation.includes(tag)).slice(0, TAGS_MAX);
      return [entry.emoji, entry.annotation, entry.group, codes.join(" "), tags.join(" ")];
    });
}
