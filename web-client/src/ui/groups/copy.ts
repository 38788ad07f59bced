/** Puts text on the clipboard and says so. */
import { m } from "../../i18n";
import { toasts } from "../parts/toasts.svelte";

export async function copyText(text: string, done: string = m.groups_copied()): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    toasts.show({ text: done, tone: "success" });
    return true;
  } catch {
    // Without a secure context or the permission; the text is still there to be marked by hand.
    toasts.show({ text: m.groups_copy_failed(), tone: "danger" });
    return false;
  }
}
