/** The emoji used last, newest first, kept in this browser. */
const KEY = "vibetalk:emoji-recent";
const KEPT_MAX = 24;
const FIRST = ["👍", "❤️", "😂", "🎉", "😮", "🙏"];

let recent = $state.raw<readonly string[]>(read());

/** What was used, filled up with what most people use. */
export function recentEmoji(): readonly string[] {
  return [...recent, ...FIRST.filter((emoji) => !recent.includes(emoji))].slice(0, KEPT_MAX);
}

export function usedEmoji(emoji: string): void {
  recent = [emoji, ...recent.filter((other) => other !== emoji)].slice(0, KEPT_MAX);
  try {
    localStorage.setItem(KEY, JSON.stringify(recent));
  } catch {
    // Without storage they last until the page is closed.
  }
}

function read(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter((item) => typeof item === "string").slice(0, KEPT_MAX) : [];
  } catch {
    return [];
  }
}
