/**
 * A component in a chunk of its own that is wanted on the first page, too: loading begins with `load`, and once it has
 * come it is shown without a frame in between.
 */
import type { Component } from "svelte";

export class Lazy<Props extends Record<string, unknown>> {
  readonly #load: () => Promise<{ default: Component<Props> }>;
  #component = $state.raw<Component<Props> | null>(null);
  #failed = $state(false);
  #asked = false;

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

  load(): this {
    if (this.#asked) return this;
    this.#asked = true;
    this.#load().then(
      (module) => (this.#component = module.default),
      (error) => {
        console.error(error);
        this.#failed = true;
      },
    );
    return this;
  }
}
