/** Remembers the ids that were added last, so many of them. */
import type { Id } from "../protocol/contract";

export class RecentIds {
  readonly #ids = new Set<Id>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  add(id: Id): void {
    this.#ids.add(id);
    if (this.#ids.size <= this.#max) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      break;
    }
  }

  has(id: Id): boolean {
    return this.#ids.has(id);
  }
}
