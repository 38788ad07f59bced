/** The regions of the page in order, for F6 and the skip links. A region is an element with `data-region`. */
const FOCUSABLE =
  'a[href], button:not(:disabled), input:not(:disabled), textarea:not(:disabled), [tabindex]:not([tabindex="-1"])';

/** Where the focus was in each region, to come back to. */
const last = new WeakMap<Element, HTMLElement>();

function regions(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-region]")].filter(
    (region) => !region.closest("[hidden]"),
  );
}

function regionOf(element: Element | null): HTMLElement | null {
  return element?.closest<HTMLElement>("[data-region]") ?? null;
}

function focusIn(region: HTMLElement): void {
  const remembered = last.get(region);
  const usable = remembered && region.contains(remembered) ? remembered : null;
  // In the timeline, the composer is where one wants to be.
  const target =
    usable ?? region.querySelector<HTMLElement>("textarea") ?? region.querySelector<HTMLElement>(FOCUSABLE);
  (target ?? region).focus();
}

export function focusRegion(name: string): void {
  const region = regions().find((candidate) => candidate.dataset.region === name);
  if (region) focusIn(region);
}

/** To the next region, round the end. */
export function cycleRegions(direction: 1 | -1): void {
  const all = regions();
  const active = document.activeElement;
  const current = regionOf(active);
  if (current && active instanceof HTMLElement) last.set(current, active);
  const at = current ? all.indexOf(current) : direction > 0 ? -1 : 0;
  const next = all[(at + direction + all.length) % all.length];
  if (next) focusIn(next);
}
