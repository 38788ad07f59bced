/**
 * Which messages are in sight, by one `IntersectionObserver` for all rows. Reports them with the page in focus: what
 * scrolls by in a window behind others has not been read.
 */
import type { Attachment } from "svelte/attachments";
import { compareIds } from "../../protocol/ids";

export class Sight {
  readonly #observer: IntersectionObserver;
  readonly #rows = new Set<HTMLElement>();
  readonly #visible = new Set<string>();
  readonly #seen: (newestId: string, oldestId: string) => void;

  constructor(root: HTMLElement, seen: (newestId: string, oldestId: string) => void) {
    this.#seen = seen;
    this.#observer = new IntersectionObserver((entries) => this.#changed(entries), { root });
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

  /** The window has the focus, or the reader was taken to another place: what the next frame shows is in sight. */
  look(): void {
    this.disconnect();
    for (const row of this.#rows) this.#observer.observe(row);
  }

  disconnect(): void {
    this.#observer.disconnect();
    // What was found before is about another place.
    this.#observer.takeRecords();
    this.#visible.clear();
  }

  #changed(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const id = (target as HTMLElement).dataset.id;
      if (!id) continue;
      if (isIntersecting) this.#visible.add(id);
      else this.#visible.delete(id);
    }
    const visible = [...this.#visible].sort(compareIds);
    const [oldest, newest] = [visible[0], visible.at(-1)];
    if (oldest && newest && document.hasFocus()) this.#seen(newest, oldest);
  }
}
