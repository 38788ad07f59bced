/**
 * Which messages are in sight, by one `IntersectionObserver` for all rows. Reports them while the reader looks: what
 * scrolls by in a window behind others, or behind a dialog, has not been read.
 */
import type { Attachment } from "svelte/attachments";
import { compareIds } from "../../protocol/ids";

/** So much of a row has to be in view: about half of a line. */
const IN_SIGHT_PX = 12;

interface Needs {
  /** These rows, and those between them. */
  seen: (newestId: string, oldestId: string) => void;
  /** The page has the focus, and nothing is in front of it. */
  looking: () => boolean;
}

interface Span {
  oldest: HTMLElement;
  newest: HTMLElement;
}

export class Sight {
  readonly #root: HTMLElement;
  readonly #needs: Needs;
  readonly #observer: IntersectionObserver;
  readonly #rows = new Set<HTMLElement>();
  readonly #visible = new Map<string, HTMLElement>();
  /** What the frame before showed; null where the reader has not scrolled on from there. */
  #before: Span | null = null;

  constructor(root: HTMLElement, needs: Needs) {
    this.#root = root;
    this.#needs = needs;
    const rootMargin = `-${IN_SIGHT_PX}px 0px`;
    this.#observer = new IntersectionObserver((entries) => this.#changed(entries), { root, rootMargin });
  }

  /** Of the row; it carries the id of its message in `data-id`. */
  readonly watch: Attachment<HTMLElement> = (row) => {
    this.#rows.add(row);
    this.#observer.observe(row);
    return () => {
      this.#rows.delete(row);
      this.#observer.unobserve(row);
      this.#visible.delete(row.dataset.id ?? "");
    };
  };

  /** The reader looks again, or was taken to another place: what the next frame shows is in sight. */
  look(): void {
    this.disconnect();
    for (const row of this.#rows) this.#observer.observe(row);
  }

  /** The page has scrolled by itself: what it passed over was not in sight. */
  moved(): void {
    this.#before = null;
  }

  disconnect(): void {
    this.#observer.disconnect();
    // What was found before is about another place.
    this.#observer.takeRecords();
    this.#visible.clear();
    this.#before = null;
  }

  #changed(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const row = target as HTMLElement;
      const { id } = row.dataset;
      if (!id) continue;
      if (isIntersecting) this.#visible.set(id, row);
      else this.#visible.delete(id);
    }
    const visible = [...this.#visible.keys()].sort(compareIds);
    const [oldest, newest] = [visible[0], visible.at(-1)].map((id) => this.#visible.get(id ?? ""));
    if (!oldest || !newest) return;
    const before = this.#before;
    this.#before = null;
    if (!this.#needs.looking()) return;
    this.#before = { oldest, newest };
    const span = before ? this.#scrolledThrough(before, { oldest, newest }) : { oldest, newest };
    this.#needs.seen(span.newest.dataset.id!, span.oldest.dataset.id!);
  }

  /** Where frames are late, a finger scrolls over rows that none has shown: less than a screen of them counts. */
  #scrolledThrough(before: Span, now: Span): Span {
    if (!before.oldest.isConnected || !before.newest.isConnected) return now;
    const edges = (row: HTMLElement) => row.getBoundingClientRect();
    const downPx = edges(now.oldest).top - edges(before.newest).bottom;
    const upPx = edges(before.oldest).top - edges(now.newest).bottom;
    if (Math.max(downPx, upPx) > this.#root.clientHeight) return now;
    const down = downPx > 0;
    return { oldest: down ? before.oldest : now.oldest, newest: upPx > 0 ? before.newest : now.newest };
  }
}
