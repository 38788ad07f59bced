/**
 * Small things kept in this browser (localStorage): `browser` for its settings, `personal` for what belongs to the
 * person who is signed in and is wiped with them. Messages, drafts and the outbox are in IndexedDB, not here.
 */
const BROWSER = "vibetalk.";
const PERSONAL = "vibetalk.me.";

export interface Shelf {
  read<T>(key: string, otherwise: T): T;
  write(key: string, value: unknown): void;
}

function shelf(prefix: string): Shelf {
  return {
    read<T>(key: string, otherwise: T): T {
      try {
        const text = localStorage.getItem(prefix + key);
        return text === null ? otherwise : (JSON.parse(text) as T);
      } catch {
        // Storage is blocked, or somebody wrote something else there: as if nothing were stored.
        return otherwise;
      }
    },
    write(key, value) {
      try {
        if (value === undefined) localStorage.removeItem(prefix + key);
        else localStorage.setItem(prefix + key, JSON.stringify(value));
      } catch {
        // Full or blocked: the value holds until the page is closed.
      }
    },
  };
}

export const browser = shelf(BROWSER);
export const personal = shelf(PERSONAL);

export function wipePersonal(): void {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PERSONAL)) localStorage.removeItem(key);
    }
  } catch {
    // Blocked storage holds nothing.
  }
}
