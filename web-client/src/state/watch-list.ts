/** The people that parts of the UI show, merged into the one list that the server takes. */
import type { Id } from "../protocol/contract";

export class WatchList {
  /** In the order of asking. */
  readonly #callers = new Set<readonly Id[]>();

  /** Returns the end of it, which may be called twice. */
  add(userIds: readonly Id[]): () => void {
    const caller = [...userIds];
    this.#callers.add(caller);
    return () => void this.#callers.delete(caller);
  }

  /** At most `max`; who asked last comes first, because that is what the reader opened last. Sorted. */
  merged(max: number): Id[] {
    const wanted = new Set<Id>();
    for (const caller of [...this.#callers].reverse()) {
      for (const id of caller) {
        if (wanted.size >= max) return [...wanted].sort();
        wanted.add(id);
      }
    }
    return [...wanted].sort();
  }
}
