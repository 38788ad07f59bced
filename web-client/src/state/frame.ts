/**
 * Work that many pushes ask for, done once a frame: a hundred messages a second must not repaint a hundred times.
 */

/** A page in the background gets no frames, but its title and badge count on. */
const BACKGROUND_MS = 250;

/** Calls `work` before the next paint, or soon if nothing is painted. Returns the way to call it off. */
export function nextFrame(work: () => void): () => void {
  const run = () => {
    cancel();
    work();
  };
  const frame = requestAnimationFrame(run);
  const timer = setTimeout(run, BACKGROUND_MS);
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  return cancel;
}

/** Calls `work` when what is being drawn has been painted. Returns the way to call it off. */
export function afterPaint(work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const cancelFrame = nextFrame(() => (timer = setTimeout(work)));
  return () => {
    cancelFrame();
    clearTimeout(timer);
  };
}

/** Runs `work` once, however often it is asked for until then. */
export class Batch {
  readonly #work: () => void;
  readonly #schedule: (work: () => void) => () => void;
  #cancel: (() => void) | null = null;

  constructor(work: () => void, schedule = nextFrame) {
    this.#work = work;
    this.#schedule = schedule;
  }

  ask(): void {
    this.#cancel ??= this.#schedule(() => {
      this.#cancel = null;
      this.#work();
    });
  }

  /** Does at once what waits, if anything does. */
  flush(): void {
    if (this.#cancel === null) return;
    this.cancel();
    this.#work();
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}

/** For `Batch`: later, and so together. */
export const after =
  (ms: number) =>
  (work: () => void): (() => void) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  };
