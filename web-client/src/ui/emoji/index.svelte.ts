/** Emoji by `:name:`, for the timeline. Asking for one loads them all, once. */
import { loadEmoji } from "./data";

let codes = $state.raw<Readonly<Record<string, string>> | null>(null);
let asked = false;

export function byShortcode(name: string): string | undefined {
  if (!codes && !asked) {
    asked = true;
    loadEmoji().then(
      (all) => {
        codes = Object.fromEntries(
          all.flatMap(({ emoji, shortcodes }) => shortcodes.map((code) => [code, emoji])),
        );
      },
      () => (asked = false),
    );
  }
  return codes && Object.hasOwn(codes, name) ? codes[name] : undefined;
}
