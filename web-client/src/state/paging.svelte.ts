/** Loads older and newer pages: one request per direction at a time, tried again by itself when it fails. */
import { Again } from "./again";
import { LiveWindow } from "./liveWindow";
import { isGone, isTransient } from "./transient";

export type Direction = "older" | "newer";

export class Paging {
  readonly #live: LiveWindow;
  readonly #gone: () => void;
  loadingOlder = $state(false);
  loadingNewer = $state(false);
  readonly #interrupted = new Set<Direction>();
  readonly #again = new Again(() => this.resume());

  constructor(live: LiveWindow, gone: () => void) {
    this.#live = live;
    this.#gone = gone;
  }

  /** Does not reject. */
  async load(direction: Direction): Promise<void> {
    const { messages, hasOlder, hasNewer } = this.#live.held;
    const older = direction === "older";
    const [edge, more] = older ? [messages[0], hasOlder] : [messages.at(-1), hasNewer];
    if (!this.#live.loaded || this.#live.replacing || !more || this.#isLoading(direction)) return;
    this.#setLoading(direction, true);
    try {
      // All that was held is deleted: there is no edge to go on from.
      await (edge ? this.#live.extend(direction, edge) : this.#live.reload());
    } catch (error) {
      this.#failed(direction, error);
    } finally {
      this.#setLoading(direction, false);
    }
  }

  /** What has failed may work now. */
  resume(): void {
    const directions = [...this.#interrupted];
    this.#interrupted.clear();
    for (const direction of directions) void this.load(direction);
  }

  /** There is another window. */
  forget(): void {
    this.#interrupted.clear();
    this.#again.cancel();
  }

  #failed(direction: Direction, error: unknown): void {
    if (isGone(error)) this.#gone();
    if (!isTransient(error)) return;
    this.#interrupted.add(direction);
    this.#again.after(error);
  }

  #isLoading(direction: Direction): boolean {
    return direction === "older" ? this.loadingOlder : this.loadingNewer;
  }

  #setLoading(direction: Direction, value: boolean): void {
    if (direction === "older") this.loadingOlder = value;
    else this.loadingNewer = value;
  }
}
