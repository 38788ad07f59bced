/**
 * A value that comes late: IndexedDB opens in seconds on a busy disk, and in some private windows never. Whoever asks
 * waits for a while only and goes on without; once it is there, everybody has it.
 */
export class Late<T> {
  readonly #value: Promise<T | null>;
  readonly #since = performance.now();

  constructor(value: Promise<T>) {
    this.#value = value.catch(() => null);
  }

  /** Null if it cannot be had, or has not come within `patienceMs` since it was begun. Never rejects. */
  async within(patienceMs: number): Promise<T | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const remaining = Math.max(0, this.#since + patienceMs - performance.now());
    const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), remaining)));
    const value = await Promise.race([this.#value, late]);
    clearTimeout(timer);
    return value;
  }

  /** Null if it cannot be had; waits as long as it takes. Never rejects. */
  atLast(): Promise<T | null> {
    return this.#value;
  }
}
