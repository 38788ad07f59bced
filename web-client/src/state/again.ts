/** Does once more, after a while, what has failed and may work then. */
import { codeOf, isTransient } from "./transient";

/** Unless the server says how long. */
const RETRY_MS = 2_000;

export class Again {
  readonly #work: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(work: () => void) {
    this.#work = work;
  }

  /** False if it is not tried again: what has failed for good, and offline, where it waits for `ready`. */
  after(error: unknown): boolean {
    if (!isTransient(error) || codeOf(error) === "offline") return false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#work, (error as { retryAfterMs?: number }).retryAfterMs ?? RETRY_MS);
    return true;
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
