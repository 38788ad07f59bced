/**
 * The outbox on disk: IndexedDB, shared by all tabs. Where it is missing, forbidden, full or does not answer,
 * reads give null and writes false; `outbox.ts` then goes on in memory.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { OutboxEntry } from "./api";
import type { Id } from "./contract";

export interface StoredEntry extends OutboxEntry {
  userId: Id;
  /** Unix milliseconds of the first attempt whose outcome is unknown. */
  attemptedAt: number | null;
}

export interface OutboxStore {
  /** Of everybody who was signed in here. */
  all(): Promise<StoredEntry[] | null>;
  /** Whether it is stored now. */
  put(entry: StoredEntry): Promise<boolean>;
  remove(nonces: readonly string[]): Promise<void>;
}

interface Schema extends DBSchema {
  entries: { key: string; value: StoredEntry };
}

/** Some browsers never answer `open` in private windows. */
const OPEN_TIMEOUT_MS = 3000;

export function createOutboxStore(name: string): OutboxStore {
  let opening: Promise<IDBPDatabase<Schema> | null> | null = null;

  function open(): Promise<IDBPDatabase<Schema> | null> {
    opening ??= openOrGiveUp(name, () => (opening = null));
    return opening;
  }

  async function attempt<T>(run: (db: IDBPDatabase<Schema>) => Promise<T>, otherwise: T): Promise<T> {
    try {
      const db = await open();
      return db ? await run(db) : otherwise;
    } catch {
      return otherwise; // Full, or closed by the browser: what is in memory counts.
    }
  }

  return {
    all: () => attempt<StoredEntry[] | null>((db) => db.getAll("entries"), null),
    put: (entry) => attempt(async (db) => Boolean(await db.put("entries", entry)), false),
    remove: (nonces) =>
      attempt(async (db) => {
        const writing = db.transaction("entries", "readwrite");
        await Promise.all([...nonces.map((nonce) => writing.store.delete(nonce)), writing.done]);
      }, undefined),
  };
}

async function openOrGiveUp(name: string, closed: () => void): Promise<IDBPDatabase<Schema> | null> {
  if (!globalThis.indexedDB) return null;
  const opened = openDB<Schema>(name, 1, {
    upgrade: (db) => void db.createObjectStore("entries", { keyPath: "nonce" }),
    blocking: (_current, _blocked, event) => {
      (event.target as IDBDatabase).close(); // A newer version of this client, in another tab.
      closed();
    },
    terminated: closed,
  }).catch(() => null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((done) => (timer = setTimeout(() => done(null), OPEN_TIMEOUT_MS)));
  const db = await Promise.race([opened, late]);
  clearTimeout(timer);
  return db;
}
