/** Typed listeners. One that throws is reported and stops neither the others nor the connection. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any tuple of arguments fits, `unknown` does not
type Listener = (...values: any[]) => void;

export interface Emitter<Events> {
  on<E extends keyof Events>(event: E, listener: Events[E]): () => void;
  emit<E extends keyof Events>(event: E, ...values: Parameters<Extract<Events[E], Listener>>): void;
}

export function createEmitter<Events>(): Emitter<Events> {
  const listeners = new Map<keyof Events, Set<Listener>>();
  return {
    on(event, listener) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set.add(listener as Listener));
      return () => set.delete(listener as Listener);
    },
    emit(event, ...values) {
      for (const listener of [...(listeners.get(event) ?? [])]) {
        try {
          listener(...values);
        } catch (error) {
          reportLater(error);
        }
      }
    },
  };
}

/** As an uncaught error, so that consoles and error reporting see it. */
function reportLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
