/**
 * `{@attach tooltip("Reply")}`: shows a text at an element on hover and keyboard focus. One element serves the whole
 * page. It repeats what the element is named, so screen readers do not get it a second time.
 */
import type { Placement } from "@floating-ui/dom";
import type { Attachment } from "svelte/attachments";

const DELAY_MS = 350;

let bubble: HTMLElement | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let owner: Element | undefined;

function makeBubble(): HTMLElement {
  const made = document.createElement("div");
  made.className = "tooltip";
  made.setAttribute("aria-hidden", "true");
  made.popover = "manual";
  return made;
}

async function show(anchor: Element, text: string, placement: Placement): Promise<void> {
  owner = anchor;
  // Without its place it is not shown: the element is named without it, too.
  const place = await import("./place").catch(() => null);
  if (!place || owner !== anchor || !anchor.isConnected) return;
  bubble ??= makeBubble();
  // Inside the dialog, if there is one: what is outside of it is inert.
  const parent = anchor.closest("dialog") ?? document.body;
  if (bubble.parentElement !== parent) parent.append(bubble);
  bubble.textContent = text;
  bubble.showPopover?.();
  await place.placeTip(anchor, bubble, placement);
}

function hide(anchor: Element): void {
  clearTimeout(timer);
  if (owner !== anchor) return;
  owner = undefined;
  if (bubble?.isConnected) bubble.hidePopover?.();
}

export function tooltip(text: string | undefined, placement: Placement = "top"): Attachment<Element> {
  return (anchor) => {
    if (!text) return;
    const enter = (event: Event) => {
      if (event instanceof PointerEvent && event.pointerType === "touch") return;
      clearTimeout(timer);
      timer = setTimeout(() => void show(anchor, text, placement), owner ? 0 : DELAY_MS);
    };
    const focus = () => {
      if (anchor.matches(":focus-visible")) void show(anchor, text, placement);
    };
    const leave = () => hide(anchor);
    const key = (event: Event) => {
      if (event instanceof KeyboardEvent && event.key === "Escape") hide(anchor);
    };
    const listeners: [string, (event: Event) => void][] = [
      ["pointerenter", enter],
      ["pointerleave", leave],
      ["pointerdown", leave],
      ["focus", focus],
      ["blur", leave],
      ["keydown", key],
    ];
    for (const [type, listener] of listeners) anchor.addEventListener(type, listener);
    return () => {
      hide(anchor);
      for (const [type, listener] of listeners) anchor.removeEventListener(type, listener);
    };
  };
}
