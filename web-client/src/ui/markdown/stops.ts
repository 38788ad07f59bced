/**
 * Links and buttons in a text are stops of Tab, except in the rows of a list: that is one stop, and leads into the row
 * that has the focus (`timeline/interactions.svelte.ts`).
 */
import { getContext, setContext } from "svelte";

const KEY = Symbol("stops");

export function isRow(): void {
  setContext(KEY, -1);
}

/** The `tabindex` of what is in the text. */
export function stop(): -1 | undefined {
  return getContext<-1 | undefined>(KEY);
}
