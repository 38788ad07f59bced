/**
 * Runs one thing at a time over all tabs of this browser: with `navigator.locks` where there is one (secure
 * contexts), else within this tab.
 */
export type Exclusive = <T>(name: string, run: () => Promise<T>) => Promise<T>;

export function createExclusive(prefix: string): Exclusive {
  const tails = new Map<string, Promise<unknown>>();
  const locks = globalThis.navigator?.locks;
  return (name, run) => {
    if (locks) return locks.request(`${prefix}:${name}`, run) as ReturnType<typeof run>;
    const turn = (tails.get(name) ?? Promise.resolve()).then(run, run);
    tails.set(
      name,
      turn.catch(() => {}),
    );
    return turn;
  };
}
