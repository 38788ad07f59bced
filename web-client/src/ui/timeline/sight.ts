/**
 * Which messages are in sight, by one `IntersectionObserver` for all rows. Reports the newest that was seen with
 * the page in focus: what scrolls by in a window behind others has not been read.
 */
import type { Attachment } from "svelte/attachments";
import { newerId } from "../../protocol/ids";

export class Sight {
  readonly #observer: IntersectionObserver;
  readonly #visible = new Set<string>();
  readonly #seen: (messageId: string) => void;

  constructor(root: HTMLElement, seen: (messageId: string) => void) {
    this.#seen = seen;
    this.#observer = new IntersectionObserver((entries) => this.#changed(entries), { root });
  }

  /** Of the row; it carries the id of its message in `data-id`. */
  readonly watch: Attachment<HTMLElement> = (row) => {
    this.#observer.observe(row);
    return () => {
      this.#observer.unobserve(row);
      this.#visible.delete(row.dataset.id ?? "");
    };
  };

  /** Also when the window gets the focus: what is in sight is read from now on. */
  report(): void {
    const newest = [...this.#visible].reduce<string | null>(newerId, null);
    if (newest && document.hasFocus()) this.#seen(newest);
  }

  disconnect(): void {
    this.#observer.disconnect();
  }

  #changed(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const id = (target as HTMLElement).dataset.id;
      if (!id) continue;
      if (isIntersecting) this.#visible.add(id);
      else this.#visible.delete(id);
    }
    this.report();
  }
}
