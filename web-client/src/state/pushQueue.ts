/**
 * Collects pushes and hands them on together, once per frame, in their order: a burst costs one redraw per frame
 * and not one per message. Above 50 pushes a second, once in 100 ms.
 */
const BUSY_PER_SECOND = 50;
const BUSY_WAIT_MS = 100;

export class PushQueue<Push> {
  readonly #deliver: (pushes: Push[]) => void;
  readonly #nextFrame: (callback: () => void) => void;
  readonly #now: () => number;
  #waiting: Push[] = [];
  #scheduled = false;
  #second = 0;
  #inSecond = 0;

  constructor(
    deliver: (pushes: Push[]) => void,
    nextFrame: (callback: () => void) => void,
    now: () => number,
  ) {
    this.#deliver = deliver;
    this.#nextFrame = nextFrame;
    this.#now = now;
  }

  add(push: Push): void {
    this.#waiting.push(push);
    this.#count();
    if (this.#scheduled) return;
    this.#scheduled = true;
    const run = () => {
      this.#scheduled = false;
      this.flush();
    };
    if (this.#inSecond > BUSY_PER_SECOND) setTimeout(run, BUSY_WAIT_MS);
    else this.#nextFrame(run);
  }

  /** At once: before anything is applied that came later. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const pushes = this.#waiting;
    this.#waiting = [];
    this.#deliver(pushes);
  }

  clear(): void {
    this.#waiting = [];
  }

  #count(): void {
    const second = Math.floor(this.#now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
  }
}
