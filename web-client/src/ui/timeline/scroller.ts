/**
 * Measures and moves the scroller of a timeline. Its origin is the bottom (`column-reverse`): `scrollTop` is 0 there
 * and negative above, so that history put in above moves nothing.
 *
 * What the reader was taken to, or scrolled to, stays where it is while rows below it grow (code that is coloured
 * late, fonts, more history). Browsers do this differently or not at all, so theirs is off (`overflow-anchor`).
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
  /** The row that stays; null at the end. */
  #kept: Held | null = null;
  /** `scrollTop` of that moment: another one is the reader's doing. */
  #scrollTop = 0;

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
    this.#keep(null);
  }

  /** The row that the reader was taken to, else the first that is fully in view: it is what they read. */
  hold(): Held | null {
    if (this.#hasScrolled()) this.keep();
    else this.grown();
    return this.#kept;
  }

  /** The reader has scrolled, or the scroller has another height: what is in view now stays. */
  keep(): void {
    this.#keep(this.#firstInView());
  }

  /** Rows have another height: the one that is kept goes back to where it was. Not while the reader scrolls. */
  grown(): void {
    if (!this.#kept || this.#hasScrolled()) return;
    const row = this.#rowOfKey(this.#kept.key);
    if (row) this.#shift(this.#offset(row) - this.#kept.offset);
    this.#keep(row ? this.#held(row) : this.#firstInView());
  }

  /**
   * Puts a held row back where it was after rows were put in. False if it is gone. By its lower edge: above its text
   * the row loses the name of its author when an older message of the same person comes before it.
   */
  restore(held: Held): boolean {
    const row = this.#rowOfKey(held.key);
    if (row) this.#shift(this.#offset(row) + row.getBoundingClientRect().height - held.end);
    this.#keep(row ? this.#held(row) : this.#firstInView());
    return row !== null;
  }

  /** Puts a message at an offset from the upper edge, or into the middle. False if it is not there. */
  show(messageId: string, at: number | "center"): boolean {
    const row = this.rowOf(messageId);
    if (!row) return false;
    const wanted = at === "center" ? Math.max(0, (this.heightPx - row.offsetHeight) / 2) : at;
    this.#shift(this.#offset(row) - wanted);
    this.#keep(this.#held(row));
    return true;
  }

  rowOf(messageId: string): HTMLElement | null {
    return this.list.querySelector(`[data-id="${CSS.escape(messageId)}"]`);
  }

  #hasScrolled(): boolean {
    return Math.abs(this.element.scrollTop - this.#scrollTop) >= TOLERANCE_PX;
  }

  #keep(held: Held | null): void {
    this.#kept = held;
    this.#scrollTop = this.element.scrollTop;
  }

  #firstInView(): Held | null {
    const rows = this.list.children;
    for (let index = this.#firstBelow(this.#top); index < rows.length; index++) {
      const row = rows[index] as HTMLElement;
      if (row.dataset.id) return this.#held(row);
    }
    return null;
  }

  #held(row: HTMLElement): Held | null {
    const { key, id } = row.dataset;
    const { top, bottom } = row.getBoundingClientRect();
    return key ? { key, messageId: id, offset: top - this.#top, end: bottom - this.#top } : null;
  }

  #rowOfKey(key: string): HTMLElement | null {
    return this.list.querySelector(`[data-key="${CSS.escape(key)}"]`);
  }

  get #top(): number {
    return this.element.getBoundingClientRect().top;
  }

  #offset(row: Element): number {
    return row.getBoundingClientRect().top - this.#top;
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
