/**
 * Key combinations as text: "Mod+K", "Alt+Shift+ArrowUp", "?". `Mod` is the command key on Apple's systems and
 * control elsewhere. Letters are found on any keyboard layout, by what the key says or where it is.
 */
export interface KeyPress {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

export function matches(combo: string, event: KeyPress, apple = isApple): boolean {
  const parts = split(combo);
  const key = parts.at(-1)!;
  const wants = (modifier: string) => parts.slice(0, -1).includes(modifier);
  const mod = apple ? event.metaKey : event.ctrlKey;
  const other = apple ? event.ctrlKey : event.metaKey;
  if (mod !== wants("Mod") || other || event.altKey !== wants("Alt")) return false;
  // "?" is where the layout has it, with or without shift.
  if (key !== "?" && event.shiftKey !== wants("Shift")) return false;
  if (event.key.toLowerCase() === key.toLowerCase()) return true;
  if (key === "/") return event.code === "Slash";
  return /^[A-Z]$/.test(key) && !/^[a-z]$/i.test(event.key) && event.code === `Key${key}`;
}

/** The plus key is a part, too: "Mod++". */
function split(combo: string): string[] {
  return combo.split(/(?<=.)\+/);
}

const symbols: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  Enter: "Enter",
  Escape: "Esc",
  Delete: "Del",
};

/** What is printed on the keys: ["Ctrl", "K"]. */
export function keyCaps(combo: string, apple = isApple): string[] {
  const names: Record<string, string> = apple ? { Mod: "⌘", Alt: "⌥", Shift: "⇧" } : { Mod: "Ctrl" };
  return split(combo).map((part) => names[part] ?? symbols[part] ?? part);
}
