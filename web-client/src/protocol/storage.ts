/**
 * Strings under a prefix in `localStorage`, or in memory where that is forbidden (blocked cookies) or missing
 * (Node.js): then a reload forgets them, and tabs do not see one another.
 */
export interface TabStorage {
  /** Other tabs see the same. */
  readonly shared: boolean;
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  /** Called when another tab changed the key. */
  watch(key: string, changed: () => void): void;
}

export function createStorage(prefix: string): TabStorage {
  const local = usable();
  const memory = new Map<string, string>();
  const name = (key: string) => `${prefix}:${key}`;
  return {
    shared: local !== null,
    // What could not be stored (quota) is in memory, and newer.
    get: (key) => memory.get(key) ?? local?.getItem(name(key)) ?? null,
    set(key, value) {
      memory.delete(key);
      try {
        if (local) return local.setItem(name(key), value);
      } catch {
        // Full: this tab goes on with what it has in memory.
      }
      memory.set(key, value);
    },
    remove(key) {
      memory.delete(key);
      local?.removeItem(name(key));
    },
    watch(key, changed) {
      if (!local) return;
      addEventListener("storage", (event) => {
        // `key` is null when everything was cleared.
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
