/** A search for people as somebody types: waits for a pause, and never shows an older answer over a newer one. */
import type { User } from "../../protocol/contract";
import { m } from "../../i18n";
import { FOUND_MAX } from "../../state/names";
import { failureText } from "../failure";
import { nobodyText } from "./nobody";

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

  /** What to say below those who are shown, or instead: there may be others, nobody is called so, or why nothing was found. */
  note(shown: number): string {
    if (this.error) return this.error;
    if (this.searching || this.found === null) return "";
    if (this.found.length >= FOUND_MAX) return m.people_type_more();
    return shown === 0 ? nobodyText(this.#query) : "";
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
