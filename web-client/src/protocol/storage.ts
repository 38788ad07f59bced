/**
 * Strings under a prefix in `localStorage`, or in memory where that is forbidden (blocked cookies, Node.js):
 * then a reload forgets them, and tabs do not see one another.
 */
export interface Storage_ {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  /** Called when another tab changed the key. */
  watch(key: string, changed: () => void): void;
}

export function createStorage(prefix: string): Storage_ {
  const local = usable();
  const memory = new Map<string, string>();
  const name = (key: string) => `${prefix}:${key}`;
  return {
    get: (key) => (local ? local.getItem(name(key)) : (memory.get(key) ?? null)),
    set(key, value) {
      if (local) local.setItem(name(key), value);
      else memory.set(key, value);
    },
    remove(key) {
      local?.removeItem(name(key));
      memory.delete(key);
    },
    watch(key, changed) {
      if (!local) return;
      // `key` is null when everything was cleared.
      addEventListener("storage", (event) => {
        if (event.key === null || event.key === name(key)) changed();
      });
    },
  };
}

function usable(): Storage | null {
  try {
    const probe = "vibetalk:probe";
    localStorage.setItem(probe, probe);
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return null;
  }
}
