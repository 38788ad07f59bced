/**
 * One Tab stop for a whole list: arrows, Home and End move between its `[data-roving]` elements, and a letter
 * jumps to the next one that starts with it. Use as `{@attach roving}`. It does not select anything.
 */
import type { Attachment } from "svelte/attachments";

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };

export const roving: Attachment<HTMLElement> = (list) => {
  const items = () => [...list.querySelectorAll<HTMLElement>("[data-roving]")].filter(isShown);
  let current: HTMLElement | null = null;

  const settle = () => {
    const all = items();
    if (!current || !all.includes(current))
      current = all.find((item) => item.hasAttribute("aria-current")) ?? all[0] ?? null;
    for (const item of all) item.tabIndex = item === current ? 0 : -1;
  };
  const onFocusIn = (event: FocusEvent) => {
    const item = (event.target as HTMLElement).closest<HTMLElement>("[data-roving]");
    if (!item) return;
    current = item;
    settle();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (
      event.altKey ||
      event.ctrlKey ||
      event.metaKey ||
      !(event.target as HTMLElement).closest("[data-roving]")
    )
      return;
    const next = target(items(), current, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };

  settle();
  const observer = new MutationObserver(settle);
  observer.observe(list, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ["aria-current"],
  });
  list.addEventListener("focusin", onFocusIn);
  list.addEventListener("keydown", onKeyDown);
  return () => {
    observer.disconnect();
    list.removeEventListener("focusin", onFocusIn);
    list.removeEventListener("keydown", onKeyDown);
  };
};

function target(items: HTMLElement[], current: HTMLElement | null, key: string): HTMLElement | undefined {
  const at = current ? items.indexOf(current) : -1;
  const step = STEPS[key];
  if (step) return items[Math.min(items.length - 1, Math.max(0, at + step))];
  if (key === "Home") return items[0];
  if (key === "End") return items.at(-1);
  if (!/^[\p{L}\p{N}]$/u.test(key)) return undefined;
  const after = [...items.slice(at + 1), ...items.slice(0, Math.max(at, 0))];
  return after.find((item) => startsWith(item, key));
}

function startsWith(item: HTMLElement, letter: string): boolean {
  const name = item.dataset.roving || item.textContent || "";
  return name
    .replace(/[\u2066-\u2069]/g, "")
    .trim()
    .toLocaleLowerCase()
    .startsWith(letter.toLocaleLowerCase());
}

function isShown(item: HTMLElement): boolean {
  return item.closest("[hidden]") === null;
}
