/**
 * Measures and moves the scroller of a timeline. Its origin is the bottom (`column-reverse`): `scrollTop` is 0 there
 * and negative above, so that history put in above moves nothing.
 */

/** Closer than that to the end, the reader follows what arrives. */
const FOLLOW_PX = 80;
/** Less is rounding, and writing `scrollTop` stops the momentum of a finger. */
const TOLERANCE_PX = 1;

/** A row and where its edges are, from the upper edge of the scroller. */
export interface Held {
  key: string;
  messageId: string | undefined;
  offset: number;
  end: number;
}

export class Scroller {
  #frame = 0;

  constructor(
    readonly element: HTMLElement,
    readonly list: HTMLElement,
  ) {}

  get belowPx(): number {
    return Math.abs(this.element.scrollTop);
  }

  get abovePx(): number {
    return this.element.scrollHeight - this.element.clientHeight - this.belowPx;
  }

  get heightPx(): number {
    return this.element.clientHeight;
  }

  get atBottom(): boolean {
    return this.belowPx <= FOLLOW_PX;
  }

  toBottom(): void {
    if (this.belowPx > 0) this.element.scrollTop = 0;
  }

  /** The first row of a message that is fully in view; it is what the reader reads. */
  hold(): Held | null {
    const rows = this.list.children;
    const top = this.element.getBoundingClientRect().top;
    for (let index = this.#firstBelow(top); index < rows.length; index++) {
      const row = rows[index] as HTMLElement;
      const { key, id } = row.dataset;
      const edges = row.getBoundingClientRect();
      if (key && id) return { key, messageId: id, offset: edges.top - top, end: edges.bottom - top };
    }
    return null;
  }

  /**
   * While rows are put in, the browser holds no row of its own choice: it holds an upper edge, and `restore` a lower
   * one. Otherwise it may, for what changes its height late.
   */
  holdByItself(): void {
    const { style } = this.element;
    style.overflowAnchor = "none";
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.#frame = requestAnimationFrame(() => (style.overflowAnchor = ""));
    });
  }

  /**
   * Puts a held row back where it was, if something has moved it. False if it is gone. By its lower edge: above its
   * text the row loses the name of its author when an older message of the same person comes before it.
   */
  restore(held: Held): boolean {
    const row = this.#rowOfKey(held.key);
    if (row) this.#shift(this.#offset(row) + row.getBoundingClientRect().height - held.end);
    return row !== null;
  }

  /** Puts a message at an offset from the upper edge, or into the middle. False if it is not there. */
  show(messageId: string, at: number | "center"): boolean {
    const row = this.rowOf(messageId);
    if (!row) return false;
    const wanted = at === "center" ? Math.max(0, (this.heightPx - row.offsetHeight) / 2) : at;
    this.#shift(this.#offset(row) - wanted);
    return true;
  }

  rowOf(messageId: string): HTMLElement | null {
    return this.list.querySelector(`[data-id="${CSS.escape(messageId)}"]`);
  }

  #rowOfKey(key: string): HTMLElement | null {
    return this.list.querySelector(`[data-key="${CSS.escape(key)}"]`);
  }

  #offset(row: Element): number {
    return row.getBoundingClientRect().top - this.element.getBoundingClientRect().top;
  }

  #shift(px: number): void {
    if (Math.abs(px) >= TOLERANCE_PX) this.element.scrollTop += px;
  }

  /** Rows are in order, so a few measurements find the first one whose upper edge is not above `top`. */
  #firstBelow(top: number): number {
    const rows = this.list.children;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rows[middle] as Element).getBoundingClientRect().top < top) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
