/** What happened to the reader and has to be said once, like being removed from a group that was open. */
import type { Notice, Notices } from "./api";

const MAX = 5;

export class NoticeList implements Notices {
  #current: readonly Notice[] = $state.raw([]);
  #last = 0;

  get current(): readonly Notice[] {
    return this.#current;
  }

  add(notice: Omit<Notice, "id">): void {
    this.#current = [...this.#current, { ...notice, id: ++this.#last }].slice(-MAX);
  }

  dismiss(id: number): void {
    this.#current = this.#current.filter((notice) => notice.id !== id);
  }

  clear(): void {
    this.#current = [];
  }
}
