/** A search for people as somebody types: waits for a pause, and never shows an older answer over a newer one. */
import type { User } from "../../protocol/contract";
import { failureText } from "../failure";

const PAUSE_MS = 200;

export class PeopleSearch {
  readonly #search: (query: string) => Promise<User[]>;
  #query = $state("");
  #timer: ReturnType<typeof setTimeout> | undefined;
  found: readonly User[] | null = $state.raw(null);
  searching = $state(false);
  error = $state("");

  constructor(search: (query: string) => Promise<User[]>) {
    this.#search = search;
  }

  get query(): string {
    return this.#query;
  }

  set query(query: string) {
    this.#query = query;
    clearTimeout(this.#timer);
    this.error = "";
    this.searching = query.trim() !== "";
    if (!this.searching) this.found = null;
    else this.#timer = setTimeout(() => void this.#run(query), PAUSE_MS);
  }

  async #run(query: string): Promise<void> {
    const isLatest = () => this.#query === query;
    try {
      const found = await this.#search(query.trim());
      if (isLatest()) this.found = found;
    } catch (error) {
      if (isLatest()) this.error = failureText(error);
    } finally {
      if (isLatest()) this.searching = false;
    }
  }
}
