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

  /** Offline it waits for `ready` instead, which the caller hears of. */
  after(error: unknown): void {
    if (!isTransient(error) || codeOf(error) === "offline") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#work, (error as { retryAfterMs?: number }).retryAfterMs ?? RETRY_MS);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
