/** The menu of a message. */
import type { MenuEntry } from "../parts/menu";
import type { MessageAction } from "./actions";
import type { MessageControls, MessageRow } from "./controls.svelte";
import type { Anchor } from "../parts/anchor";
import { WORDS } from "./words";

/** Lines between: answering, keeping, copying, deleting. */
const STARTS_SECTION: ReadonlySet<MessageAction> = new Set(["pin", "copyText", "delete"]);

export function menuItems(controls: MessageControls, row: MessageRow, anchor: Anchor): MenuEntry[] {
  return controls.actions(row).flatMap((action, index): MenuEntry[] => {
    const { label, icon, shortcut } = WORDS[action];
    const item = {
      label: label(row),
      icon: icon(row),
      shortcut,
      danger: action === "delete",
      run: () => controls.run(action, row, anchor),
    };
    return index > 0 && STARTS_SECTION.has(action) ? ["separator", item] : [item];
  });
}
