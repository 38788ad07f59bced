/**
 * The outbox on disk: IndexedDB, shared by all tabs. Where it is missing, forbidden, full or does not answer in time,
 * reads give null and writes false; `outbox.ts` then goes on in memory, until the disk has answered after all.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { OutboxEntry } from "./api";
import type { Id } from "./contract";
import { Late } from "./late";

export interface StoredEntry extends OutboxEntry {
  userId: Id;
  /** Unix milliseconds of the first attempt whose outcome is unknown. */
  attemptedAt: number | null;
}

export interface OutboxStore {
  /** Whether it can be had; waits as long as it takes, perhaps for ever. */
  opened(): Promise<boolean>;
  /** Of everybody who was signed in here. */
  all(): Promise<StoredEntry[] | null>;
  /** Whether it is stored now. */
  put(entry: StoredEntry): Promise<boolean>;
  remove(nonces: readonly string[]): Promise<void>;
}

interface Schema extends DBSchema {
  entries: { key: string; value: StoredEntry };
}

/** Sending waits for it, once. */
const OPEN_PATIENCE_MS = 3000;

type Database = IDBPDatabase<Schema>;

export function createOutboxStore(name: string): OutboxStore {
  let database: Late<Database> | null = null;

  const connected = () => (database ??= new Late(connect(name, () => (database = null))));

  async function attempt<T>(run: (db: Database) => Promise<T>, otherwise: T): Promise<T> {
    try {
      const db = await connected().within(OPEN_PATIENCE_MS);
      return db ? await run(db) : otherwise;
    } catch {
      return otherwise; // Full, or closed by the browser: what is in memory counts.
    }
  }

  return {
    opened: async () => (await connected().atLast()) !== null,
    all: () => attempt<StoredEntry[] | null>((db) => db.getAll("entries"), null),
    put: (entry) => attempt(async (db) => Boolean(await db.put("entries", entry)), false),
    remove: (nonces) =>
      attempt(async (db) => {
        const writing = db.transaction("entries", "readwrite");
        await Promise.all([...nonces.map((nonce) => writing.store.delete(nonce)), writing.done]);
      }, undefined),
  };
}

async function connect(name: string, closed: () => void): Promise<Database> {
  return openDB<Schema>(name, 1, {
    upgrade: (db) => void db.createObjectStore("entries", { keyPath: "nonce" }),
    blocking: (_current, _blocked, event) => {
      (event.target as IDBDatabase).close(); // A newer version of this client, in another tab.
      closed();
    },
    terminated: closed,
  });
}
