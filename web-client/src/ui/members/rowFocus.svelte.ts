/**
 * Keyboard in the virtual member list: one Tab stop, arrows, page keys, Home and End. Rows that are not mounted are
 * scrolled to before they get the focus. Remembers the person, not the place, so rows may move.
 */
import { tick } from "svelte";
import type { VListHandle } from "virtua/svelte";
import type { MemberListRow } from "./sections";

const PAGE_ROWS = 10;
const FRAMES_MAX = 30;

export class RowFocus {
  readonly #rows: () => readonly MemberListRow[];
  readonly #view: () => VListHandle | undefined;
  #userId: string | null = $state(null);
  /** Who has the focus until the row of `#userId` is there: without their row the keys would go nowhere. */
  #focusedId: string | null = $state(null);

  constructor(rows: () => readonly MemberListRow[], view: () => VListHandle | undefined) {
    this.#rows = rows;
    this.#view = view;
  }

  /** The row that Tab reaches: the last one that had the focus, else the first member. */
  get index(): number {
    const rows = this.#rows();
    const last = this.#userId === null ? -1 : rows.findIndex((row) => row.key === this.#userId);
    return last >= 0 ? last : Math.max(0, rows.findIndex(isMember));
  }

  /** Rows that stay mounted, in sight or not. */
  get mounted(): number[] {
    const focused = this.#rows().findIndex((row) => row.key === this.#focusedId);
    return focused >= 0 && focused !== this.index ? [this.index, focused] : [this.index];
  }

  onfocusin = (event: FocusEvent): void => {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-member]");
    if (row) this.#userId = this.#focusedId = row.dataset.member ?? null;
  };

  onkeydown = (event: KeyboardEvent): void => {
    const next = event.altKey || event.ctrlKey || event.metaKey ? null : this.#target(event.key);
    if (next === null) return;
    event.preventDefault();
    const list = event.currentTarget as HTMLElement;
    void this.#focus(next, list);
  };

  #target(key: string): number | null {
    const rows = this.#rows();
    switch (key) {
      case "ArrowDown":
        return nearest(rows, this.index + 1, 1);
      case "ArrowUp":
        return nearest(rows, this.index - 1, -1);
      case "PageDown":
        return nearest(rows, Math.min(rows.length - 1, this.index + PAGE_ROWS), -1);
      case "PageUp":
        return nearest(rows, Math.max(0, this.index - PAGE_ROWS), 1);
      case "Home":
        return nearest(rows, 0, 1);
      case "End":
        return nearest(rows, rows.length - 1, -1);
      default:
        return null;
    }
  }

  async #focus(index: number, list: HTMLElement): Promise<void> {
    const row = this.#rows()[index];
    if (row?.kind !== "member") return;
    this.#userId = row.key;
    this.#view()?.scrollToIndex(index, { align: "nearest" });
    await tick();
    // A row is hidden until it has been measured, and what is hidden takes no focus.
    for (let frame = 0; frame < FRAMES_MAX && this.#userId === row.key; frame++) {
      const button = list.querySelector<HTMLElement>(`[data-member="${row.key}"]`);
      button?.focus({ preventScroll: true });
      if (button && document.activeElement === button) return;
      await new Promise(requestAnimationFrame);
    }
  }
}

function nearest(rows: readonly MemberListRow[], start: number, step: 1 | -1): number | null {
  for (let index = start; index >= 0 && index < rows.length; index += step)
    if (isMember(rows[index]!)) return index;
  return null;
}

function isMember(row: MemberListRow): boolean {
  return row.kind === "member";
}
