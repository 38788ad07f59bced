/** What a menu consists of, and how the keyboard moves in it. */
import type { IconName } from "./icons";

export interface MenuItem {
  label: string;
  icon?: IconName;
  danger?: boolean;
  disabled?: boolean;
  /** Set: the item is one of several of which one is chosen, with a tick if it is this one. */
  checked?: boolean;
  /** Shown at the end of the line, e.g. "E". */
  shortcut?: string;
  /** A second line. */
  hint?: string;
  run: () => void;
}

/** Names the entries that follow. */
export interface MenuHeading {
  heading: string;
}

export type MenuEntry = MenuItem | MenuHeading | "separator";

/** The index the key leads to, or null if it is no key of menus. `disabled` items are skipped. */
export function nextIndex(key: string, current: number, disabled: readonly boolean[]): number | null {
  const count = disabled.length;
  const from = (start: number, step: 1 | -1): number | null => {
    for (let tried = 0, at = start; tried < count; tried++, at += step) {
      const index = ((at % count) + count) % count;
      if (!disabled[index]) return index;
    }
    return null;
  };
  switch (key) {
    case "ArrowDown":
      return from(current + 1, 1);
    case "ArrowUp":
      return from(current < 0 ? count - 1 : current - 1, -1);
    case "Home":
      return from(0, 1);
    case "End":
      return from(count - 1, -1);
    default:
      return null;
  }
}
