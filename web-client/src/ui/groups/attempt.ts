/** Waits for an action that has no place of its own to show a failure; a toast does. Resolves to whether it went well. */
import { failureText, type FailureCode } from "../failure";
import { toasts } from "../parts/toasts.svelte";

export async function attempt(
  action: Promise<unknown>,
  instead: Partial<Record<FailureCode, () => string>> = {},
): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    toasts.show({ text: failureText(error, instead), tone: "danger" });
    return false;
  }
}
