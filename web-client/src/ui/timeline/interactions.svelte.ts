/**
 * Pointer, touch and keys on the rows of a timeline, handled once at the list: which row has the toolbar, which one
 * the focus (roving tabindex: one stop for Tab, arrows within, Tab again into what the message holds), and what a click, key or long press means.
 */
import { openProfile } from "../members/profile";
import { actionOfKey } from "../messages/actions";
import type { MessageControls, MessageRow } from "../messages/controls.svelte";
import { toasts } from "../parts/toasts.svelte";

const LONG_PRESS_MS = 450;
/** What Tab finds in the row that has the focus. The picture leads where the name does. */
const WITHIN = "a[href], .scroll, button:not([aria-hidden])";
/** A finger that moves further is scrolling. */
const PRESS_SLOP_PX = 10;

export interface ReactionHint {
  anchor: HTMLElement;
  messageId: string;
  emoji: string;
}

export class Interactions {
  /** The row with the toolbar. */
  activeKey = $state<string | null>(null);
  /** The reaction under the pointer, to tell who reacted. */
  hint = $state.raw<ReactionHint | null>(null);
  /** The row that was focused last, to come back to. */
  lastKey: string | null = null;
  /** Lifting the finger after a long press clicks, too. */
  #longPressed = false;
  /** What Tab finds now, or passes, other than usually; and what its `tabindex` is usually. */
  #stops: [HTMLElement, string | null][] = [];
  #press: { timer: ReturnType<typeof setTimeout>; x: number; y: number } | null = null;

  constructor(
    readonly controls: MessageControls,
    readonly rows: () => readonly { key: string; kind: string }[],
    /** To the first control of the toolbar; false if there is none. */
    readonly enterToolbar: () => boolean,
  ) {}

  messageRow(key: string | null | undefined): MessageRow | null {
    const row = key ? this.rows().find((candidate) => candidate.key === key) : undefined;
    return row?.kind === "message" ? (row as MessageRow) : null;
  }

  readonly pointerover = (event: PointerEvent): void => {
    if (event.pointerType === "touch" || this.controls.menu || this.controls.picker) return;
    this.activeKey = rowOf(event)?.dataset.key ?? null;
    this.#showHint(event);
  };

  readonly pointerleave = (event: PointerEvent): void => {
    this.hint = null;
    const to = event.relatedTarget;
    if (to instanceof Element && to.closest("[role='toolbar']")) return;
    if (!this.controls.menu && !this.controls.picker) this.activeKey = null;
  };

  /** While a row has the focus the list is no stop of its own, or Shift+Tab would lead back into it. */
  readonly focusin = (event: FocusEvent): void => {
    const row = rowOf(event);
    const list = row?.parentElement;
    if (!row || !list) return;
    if (cameBackwards(event, list)) return list.focus();
    list.tabIndex = -1;
    list.querySelector(":scope > li[tabindex='0']")?.setAttribute("tabindex", "-1");
    row.tabIndex = 0;
    this.lastKey = row.dataset.key ?? null;
    if (row.matches(":focus-visible")) this.activeKey = this.lastKey;
    this.#showHint(event);
  };

  readonly focusout = (event: FocusEvent & { currentTarget: HTMLElement }): void => {
    this.hint = null;
    const to = event.relatedTarget;
    if (to instanceof Node && event.currentTarget.contains(to)) return;
    this.#resetStops();
    event.currentTarget.tabIndex = 0;
    event.currentTarget.querySelector(":scope > li[tabindex='0']")?.setAttribute("tabindex", "-1");
  };

  readonly click = (event: MouseEvent): void => {
    if (this.#longPressed) {
      this.#longPressed = false;
      event.preventDefault();
      return;
    }
    const target = event.target instanceof Element ? event.target : null;
    const row = this.messageRow(rowOf(event)?.dataset.key);
    const button = target?.closest<HTMLElement>(
      "[data-profile], [data-user], [data-jump], [data-emoji], [data-react]",
    );
    if (!button) return;
    const { profile, user, jump, emoji } = button.dataset;
    const userId = profile ?? user;
    if (userId) void openProfile({ userId, groupId: this.controls.groupId ?? null, anchor: button });
    else if (jump) this.controls.timeline.jumpTo(jump).catch((error: unknown) => toasts.failure(error));
    else if (row && emoji) this.controls.react(row.message, emoji);
    else if (row) this.controls.run("react", row, button);
  };

  readonly contextmenu = (event: MouseEvent): void => {
    const target = event.target instanceof Element ? event.target : null;
    const row = this.messageRow(rowOf(event)?.dataset.key);
    // Links and marked text have their own menu in the browser, which people know.
    if (!row || target?.closest("a") || !getSelection()?.isCollapsed) return;
    event.preventDefault();
    this.#openMenu(row, { x: event.clientX, y: event.clientY });
  };

  readonly pointerdown = (event: PointerEvent): void => {
    this.#cancelPress();
    this.#longPressed = false;
    if (event.pointerType !== "touch") return;
    const row = this.messageRow(rowOf(event)?.dataset.key);
    if (!row) return;
    const { clientX: x, clientY: y } = event;
    this.#press = { x, y, timer: setTimeout(() => this.#longPress(row, x, y), LONG_PRESS_MS) };
  };

  readonly pointermove = (event: PointerEvent): void => {
    const press = this.#press;
    if (press && Math.hypot(event.clientX - press.x, event.clientY - press.y) > PRESS_SLOP_PX)
      this.#cancelPress();
  };

  readonly pointerup = (): void => this.#cancelPress();

  readonly keydown = (event: KeyboardEvent): void => {
    const element = rowOf(event);
    if (element && event.key === "Tab") this.#setStops(element);
    if (!element || event.target !== element) return;
    const row = this.messageRow(element.dataset.key);
    const action = row && actionOfKey(event);
    if (action) {
      event.preventDefault();
      this.controls.shift = event.shiftKey && action === "delete";
      this.controls.run(action, row, element);
    } else if (row && event.key === "Enter") {
      event.preventDefault();
      this.#openMenu(row, element);
    } else if (event.key === "Tab" && !event.shiftKey && row && !element.querySelector(WITHIN)) {
      if (this.enterToolbar()) event.preventDefault();
    } else if (moveFocus(element, event.key)) event.preventDefault();
  };

  /** Tab goes through the row that has the focus, and past the others. */
  #setStops(row: HTMLElement): void {
    this.#resetStops();
    for (const element of row.parentElement?.querySelectorAll<HTMLElement>(WITHIN) ?? []) {
      this.#stops.push([element, element.getAttribute("tabindex")]);
      element.tabIndex = row.contains(element) ? 0 : -1;
    }
  }

  #resetStops(): void {
    for (const [element, tabindex] of this.#stops) {
      if (tabindex === null) element.removeAttribute("tabindex");
      else element.setAttribute("tabindex", tabindex);
    }
    this.#stops = [];
  }

  #longPress(row: MessageRow, x: number, y: number): void {
    this.#longPressed = true;
    this.#openMenu(row, { x, y });
  }

  #openMenu(row: MessageRow, anchor: HTMLElement | { x: number; y: number }): void {
    this.#cancelPress();
    this.controls.menu = { row, anchor };
  }

  #cancelPress(): void {
    clearTimeout(this.#press?.timer);
    this.#press = null;
  }

  #showHint(event: Event): void {
    const chip = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-emoji]") : null;
    const messageId = rowOf(event)?.dataset.id;
    const emoji = chip?.dataset.emoji;
    if (chip === (this.hint?.anchor ?? null)) return;
    this.hint = chip && messageId && emoji ? { anchor: chip, messageId, emoji } : null;
  }
}

function rowOf(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>("li[data-key]") : null;
}

/** What scrolls is always a stop (browsers and axe see to it): by Shift+Tab from outside, the first that is met. */
function cameBackwards(event: FocusEvent, list: HTMLElement): boolean {
  const { target, relatedTarget: from } = event;
  const outside = from instanceof Node && !list.contains(from);
  return outside && target instanceof Element && target.matches(".scroll:focus-visible");
}

function moveFocus(row: HTMLElement, key: string): boolean {
  const rows = [...(row.parentElement?.querySelectorAll<HTMLElement>("li[data-key]") ?? [])];
  const index = rows.indexOf(row);
  const targets: Record<string, number> = {
    ArrowUp: index - 1,
    ArrowDown: index + 1,
    Home: 0,
    End: rows.length - 1,
  };
  const next = rows[targets[key] ?? -1];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
  return next !== undefined;
}
