/** Typed listeners. One that throws is reported and stops neither the others nor the connection. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any tuple of arguments fits, `unknown` does not
type Listener = (...values: any[]) => void;

/** More than a start takes on a slow line. */
const KEPT_MAX = 1000;

export interface Emitter<Events> {
  on<E extends keyof Events>(event: E, listener: Events[E]): () => void;
  emit<E extends keyof Events>(event: E, ...values: Parameters<Extract<Events[E], Listener>>): void;
  /** From now on events are kept, in their order, for listeners that are still to come. */
  hold(): void;
  /** Tells what was kept. */
  release(): void;
}

/** `overflowed`: nobody has come to listen; what was kept is forgotten. */
export function createEmitter<Events>(overflowed: () => void = () => {}): Emitter<Events> {
  const listeners = new Map<keyof Events, Set<Listener>>();
  let kept: (() => void)[] | null = null;

  function tell(event: keyof Events, values: unknown[]): void {
    for (const listener of [...(listeners.get(event) ?? [])]) {
      try {
        listener(...values);
      } catch (error) {
        reportLater(error);
      }
    }
  }

  function keep(kept: (() => void)[], event: keyof Events, values: unknown[]): void {
    kept.push(() => tell(event, values));
    if (kept.length <= KEPT_MAX) return;
    kept.length = 0;
    overflowed();
  }

  return {
    hold() {
      kept ??= [];
    },
    release() {
      // What is said meanwhile comes after it.
      for (const next of kept ?? []) next();
      kept = null;
    },
    on(event, listener) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set.add(listener as Listener));
      return () => set.delete(listener as Listener);
    },
    emit(event, ...values) {
      if (kept) keep(kept, event, values);
      else tell(event, values);
    },
  };
}

/** As an uncaught error, so that consoles and error reporting see it. */
function reportLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
