/**
 * A component in a chunk of its own: loading begins with `load`, and once it has come it is shown without a frame in
 * between. `parts/Later.svelte` shows one that is not there at the start.
 */
import type { Component } from "svelte";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in Svelte: an interface is no record of `unknown`
export class Lazy<Props extends Record<string, any>> {
  readonly #load: () => Promise<{ default: Component<Props> }>;
  #component = $state.raw<Component<Props> | null>(null);
  #failed = $state(false);
  #asked = false;
  /** Of what was asked for: it is here, or has failed. */
  done: Promise<void> = Promise.resolve();

  constructor(load: () => Promise<{ default: Component<Props> }>) {
    this.#load = load;
  }

  get component(): Component<Props> | null {
    return this.#component;
  }

  /** No network, or a newer version has replaced the file: a reload helps. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Tries again what has failed. */
  load(): this {
    if (this.#asked) return this;
    this.#asked = true;
    // Or who shows it now would be told of an earlier failure.
    this.#failed = false;
    this.done = this.#load().then(
      (module) => {
        this.#component = module.default;
      },
      (error) => {
        console.warn(error);
        this.#asked = false;
        this.#failed = true;
      },
    );
    return this;
  }
}
