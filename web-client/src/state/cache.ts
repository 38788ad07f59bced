/**
 * What is painted before the server has answered: the last messages of the channels used last, drafts, and the
 * last `ready`. In IndexedDB, for one person; wiped when somebody else signs in or the schema changes.
 *
 * It is never the truth: whoever reads it asks the server as well. Nothing here rejects; with IndexedDB blocked
 * or full it keeps nothing. The outbox is not here but with the protocol.
 */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Id, Message, Ready } from "../protocol/contract";
import { Late } from "../protocol/late";

/** Raised whenever the shape of what is stored changes; the old is dropped, not migrated. */
const SCHEMA = 1;
const CHANNELS_MAX = 50;
const MESSAGES_MAX = 50;
/** What waits to be painted goes on without. */
const READ_PATIENCE_MS = 2_000;
/** Nobody waits for writes; but where IndexedDB hangs for good, they must not pile up. */
const WRITE_PATIENCE_MS = 60_000;

export interface Draft {
  text: string;
  replyTo: Message | null;
}

interface Tables extends DBSchema {
  channels: {
    key: Id;
    value: { channelId: Id; messages: Message[]; usedAt: number };
    indexes: { usedAt: number };
  };
  drafts: { key: Id; value: Draft & { channelId: Id } };
  meta: { key: "owner" | "ready"; value: { schema: number; userId: Id } | Ready };
}

type Database = IDBPDatabase<Tables>;
type Work<T> = (database: Database) => Promise<T>;

const STORES = ["channels", "drafts", "meta"] as const;

export class Cache {
  readonly #name: string;
  readonly #now: () => number;
  /** That of the owner, once it has come. */
  #database: Late<Database> | null = null;
  #owner: Id | null = null;
  #lastUse = 0;

  constructor(name = "vibetalk-cache", now: () => number = Date.now) {
    this.#name = name;
    this.#now = now;
  }

  /** Must be called before anything is read; makes the cache that of this person. Resolves when it is open, however late. */
  async open(userId: Id): Promise<void> {
    const before = this.#database;
    this.#owner = userId;
    this.#database = new Late(this.#connect(before));
    await this.#database.atLast();
  }

  /** On sign-out. Until the next `open` nothing is read or kept. */
  async wipe(): Promise<void> {
    this.#owner = null;
    this.#database ??= new Late(this.#connect(null));
    await attempt(await this.#database.atLast(), clear);
  }

  /** Oldest first. */
  async messages(channelId: Id): Promise<Message[]> {
    const kept = await this.#read((database) => database.get("channels", channelId));
    return kept?.messages ?? [];
  }

  /** Oldest first; the newest ones are kept. */
  async saveMessages(channelId: Id, messages: readonly Message[]): Promise<void> {
    // Two saves in one millisecond would be in no order.
    const usedAt = (this.#lastUse = Math.max(this.#now(), this.#lastUse + 0.001));
    await this.#write(async (database) => {
      const transaction = database.transaction("channels", "readwrite");
      await transaction.store.put({ channelId, messages: messages.slice(-MESSAGES_MAX), usedAt });
      const tooMany = (await transaction.store.count()) - CHANNELS_MAX;
      if (tooMany > 0) {
        const oldest = await transaction.store.index("usedAt").getAllKeys(null, tooMany);
        for (const key of oldest) await transaction.store.delete(key);
      }
      await transaction.done;
    });
  }

  async forgetChannel(channelId: Id): Promise<void> {
    await this.#write((database) => database.delete("channels", channelId));
  }

  async drafts(): Promise<Map<Id, Draft>> {
    const kept = (await this.#read((database) => database.getAll("drafts"))) ?? [];
    return new Map(kept.map(({ channelId, text, replyTo }) => [channelId, { text, replyTo }]));
  }

  async saveDraft(channelId: Id, draft: Draft | null): Promise<void> {
    await this.#write(async (database) => {
      if (draft) await database.put("drafts", { channelId, ...draft });
      else await database.delete("drafts", channelId);
    });
  }

  /** The last `ready`, to show groups and channels without a connection. */
  async ready(): Promise<Ready | null> {
    const kept = await this.#read((database) => database.get("meta", "ready"));
    return kept && "groups" in kept ? kept : null;
  }

  async saveReady(ready: Ready): Promise<void> {
    await this.#write((database) => database.put("meta", ready, "ready"));
  }

  #read<T>(work: Work<T>): Promise<T | undefined> {
    return this.#use(READ_PATIENCE_MS, work);
  }

  #write<T>(work: Work<T>): Promise<T | undefined> {
    return this.#use(WRITE_PATIENCE_MS, work);
  }

  async #use<T>(patienceMs: number, work: Work<T>): Promise<T | undefined> {
    const owner = this.#owner;
    if (owner === null) return undefined;
    this.#database ??= new Late(this.#connect(null));
    const database = await this.#database.within(patienceMs);
    // Somebody else's, if it took that long.
    return this.#owner === owner ? attempt(database, work) : undefined;
  }

  /** The connection that is there already, or a new one. */
  async #connect(before: Late<Database> | null): Promise<Database> {
    const owner = this.#owner;
    const database = (await before?.atLast()) ?? (await connect(this.#name, () => (this.#database = null)));
    if (owner !== null) await own(database, owner);
    return database;
  }
}

function connect(name: string, closed: () => void): Promise<Database> {
  return openDB<Tables>(name, 1, {
    upgrade(database) {
      database.createObjectStore("channels", { keyPath: "channelId" }).createIndex("usedAt", "usedAt");
      database.createObjectStore("drafts", { keyPath: "channelId" });
      database.createObjectStore("meta");
    },
    blocking: (_current, _blocked, event) => {
      (event.target as IDBDatabase).close();
      closed();
    },
    terminated: closed,
  });
}

async function own(database: Database, userId: Id): Promise<void> {
  const owner = await database.get("meta", "owner");
  if (owner && "userId" in owner && owner.userId === userId && owner.schema === SCHEMA) return;
  await clear(database);
  await database.put("meta", { schema: SCHEMA, userId }, "owner");
}

async function attempt<T>(database: Database | null, work: Work<T>): Promise<T | undefined> {
  try {
    return database ? await work(database) : undefined;
  } catch {
    // Full, closed by the browser, or not cloneable: the server has it all.
    return undefined;
  }
}

async function clear(database: Database): Promise<void> {
  const transaction = database.transaction(STORES, "readwrite");
  await Promise.all(STORES.map((store) => transaction.objectStore(store).clear()));
  await transaction.done;
}
