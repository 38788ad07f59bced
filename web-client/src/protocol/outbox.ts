/**
 * Messages that wait for their acknowledgement: per channel in the order of writing and one at a time, over
 * reconnects, reloads and tabs. An entry keeps its nonce, so that the server stores it once however often it is sent.
 *
 * What is in memory counts; the disk (`outbox-store.ts`) gives it to the next page and to other tabs. Each tab may
 * send any entry. Two that did so at once would only do it in vain: neither goes on to the next entry before this one
 * is acknowledged, so the order holds without locks too.
 */
import type { Outbox, OutboxEntry } from "./api";
import type { Id, Message, MessageCreate } from "./contract";
import type { Exclusive } from "./locks";
import { afterRefusal } from "./outbox-retry";
import type { OutboxStore, StoredEntry } from "./outbox-store";
import type { Tabs } from "./tabs";

/** What tabs tell one another; sent after it is on disk. */
export type OutboxNews =
  | { kind: "put"; entry: StoredEntry; stored: boolean }
  | { kind: "removed"; nonce: string }
  | { kind: "sent"; entry: StoredEntry; message: Message };

interface Needs {
  store: OutboxStore;
  exclusive: Exclusive;
  tabs: Tabs<OutboxNews>;
  /** Null when nobody is signed in. */
  userId(): Id | null;
  /** `ready` has arrived. */
  online(): boolean;
  send(message: MessageCreate): Promise<Message>;
  /** A message of this person with this nonce that was stored after `since` (Unix ms by this clock). */
  find(channelId: Id, nonce: string, since: number): Promise<Message | null>;
  changed(entries: readonly OutboxEntry[]): void;
  sent(entry: OutboxEntry, message: Message): void;
}

export interface OutboxKeeper extends Outbox {
  /** Takes up what is on disk for the person who is signed in now, and forgets what others left. */
  load(): Promise<void>;
  /** After `ready`: sends what waits. */
  resume(): void;
  /** A message that arrived by push or sync: if it is one of ours, its acknowledgement was lost. */
  arrived(message: Message): void;
  /** The person is gone; `erase` takes the entries off the disk too. */
  leave(erase: boolean): void;
  received(news: OutboxNews): void;
}

/** The server forgets a nonce after ten minutes: beyond that its history is asked before sending again. */
const NONCE_MS = 9 * 60_000;
/** An entry of another tab that is still there then: that tab is gone or cannot send. */
const ADOPT_MS = 15_000;
const DONE_MAX = 1000;
/** The longest slow mode; a later time comes from a clock that was wrong. */
const WAIT_MAX_MS = 6 * 3600_000;

export function createOutbox(needs: Needs): OutboxKeeper {
  let entries: readonly StoredEntry[] = [];
  /** Known to be on disk: when it is there no more, another tab has dealt with it. */
  const stored = new Set<string>();
  /** Dealt with lately: news and reads of the disk that were under way then must not bring it back. */
  const done = new Set<string>();
  const busy = new Set<Id>();
  /** `due`: Unix milliseconds. The soonest of a channel is enough, it looks at all entries. */
  const timers = new Map<Id, { due: number; timer: ReturnType<typeof setTimeout> }>();
  const tries = new Map<string, number>();
  /** Reads of the disk come after the writes that were begun before. */
  let writes: Promise<unknown> = Promise.resolve();
  /** Another person's turn makes what is under way void. */
  let turn = 0;

  const find = (nonce: string) => entries.find((entry) => entry.nonce === nonce);
  const headOf = (channelId: Id) =>
    entries.find((entry) => entry.channelId === channelId && entry.state !== "failed");

  function show(next: readonly StoredEntry[]): void {
    entries = [...next].sort((a, b) => a.createdAt - b.createdAt || (a.nonce < b.nonce ? -1 : 1));
    needs.changed(entries);
  }

  function save(entry: StoredEntry): void {
    writes = writes.then(async () => {
      // `sending` is of this moment and this tab.
      const kept: StoredEntry = { ...entry, state: entry.state === "failed" ? "failed" : "waiting" };
      if (!find(entry.nonce)) return; // Acknowledged or discarded before its turn came.
      const ok = await needs.store.put(kept);
      if (ok && find(entry.nonce)) stored.add(entry.nonce);
      needs.tabs.post({ kind: "put", entry, stored: ok });
    });
  }

  function update(entry: StoredEntry, change: Partial<StoredEntry>): StoredEntry {
    const next = { ...entry, ...change };
    show(entries.map((each) => (each.nonce === entry.nonce ? next : each)));
    save(next);
    return next;
  }

  /** Removes without a word. False if it was gone. */
  function drop(nonce: string): boolean {
    const there = find(nonce) !== undefined;
    if (there) entries = entries.filter((entry) => entry.nonce !== nonce);
    stored.delete(nonce);
    tries.delete(nonce);
    done.add(nonce);
    if (done.size > DONE_MAX) done.delete(done.values().next().value as string);
    return there;
  }

  function erase(nonce: string, news: OutboxNews): void {
    writes = writes.then(async () => {
      await needs.store.remove([nonce]);
      needs.tabs.post(news);
    });
  }

  function acknowledged(entry: StoredEntry, message: Message): void {
    if (!drop(entry.nonce)) return;
    // `sent` first, so that the row becomes the message before its entry disappears.
    needs.sent(entry, message);
    needs.changed(entries);
    erase(entry.nonce, { kind: "sent", entry, message });
  }

  /** Puts what other tabs have added or finished into memory. */
  async function lookAtDisk(): Promise<void> {
    await writes;
    const before = turn;
    const onDisk = await needs.store.all();
    if (!onDisk || before !== turn) return;
    const mine = onDisk.filter((entry) => entry.userId === needs.userId());
    const there = new Set(mine.map((entry) => entry.nonce));
    const gone = entries.filter((entry) => stored.has(entry.nonce) && !there.has(entry.nonce));
    const added = mine.filter((entry) => !find(entry.nonce) && !done.has(entry.nonce));
    for (const { nonce } of gone) drop(nonce);
    for (const { nonce } of added) stored.add(nonce);
    if (gone.length + added.length > 0) show([...entries, ...added.map(sane)]);
  }

  async function sendHead(channelId: Id): Promise<void> {
    await lookAtDisk();
    const head = headOf(channelId);
    if (!head || !needs.online() || (head.notBefore ?? 0) > Date.now()) return;
    const before = turn;
    const entry = update(head, { state: "sending", attemptedAt: head.attemptedAt ?? Date.now() });
    try {
      const message = await deliver(entry, head.attemptedAt);
      if (before === turn) acknowledged(entry, message);
    } catch (error) {
      // Gone meanwhile: signed out, discarded, or its push has acknowledged it.
      if (before !== turn || !find(entry.nonce)) return;
      const count = tries.get(entry.nonce) ?? 0;
      tries.set(entry.nonce, count + 1);
      update(entry, afterRefusal(error, count, Date.now()));
    }
    await writes; // The next holder of the lock reads the disk.
  }

  async function deliver(entry: StoredEntry, attemptedAt: number | null): Promise<Message> {
    const { channelId, content, nonce, replyToId } = entry;
    if (attemptedAt !== null && Date.now() - attemptedAt > NONCE_MS) {
      const found = await needs.find(channelId, nonce, attemptedAt);
      if (found) return found;
    }
    return needs.send({ channelId, content, nonce, ...(replyToId && { replyToId }) });
  }

  async function pump(channelId: Id): Promise<void> {
    if (busy.has(channelId)) return;
    busy.add(channelId);
    try {
      // Without a pause between the last look at the head and the end, or what was added in it would be left.
      for (let head; (head = headOf(channelId)) && needs.online();) {
        const waitMs = (head.notBefore ?? 0) - Date.now();
        if (waitMs > 0) return later(channelId, waitMs);
        await needs.exclusive(`outbox:${channelId}`, () => sendHead(channelId));
      }
    } finally {
      busy.delete(channelId);
    }
  }

  function later(channelId: Id, waitMs: number): void {
    const due = Date.now() + waitMs;
    const planned = timers.get(channelId);
    if (planned && planned.due <= due) return;
    clearTimeout(planned?.timer);
    const fire = () => {
      timers.delete(channelId);
      void pump(channelId);
    };
    timers.set(channelId, { due, timer: setTimeout(fire, waitMs) });
  }

  function pumpAll(): void {
    for (const channelId of new Set(entries.map((entry) => entry.channelId))) void pump(channelId);
  }

  return {
    entries: () => entries,
    add({ channelId, content, replyToId = null }) {
      const userId = needs.userId();
      if (!userId) throw new Error("nobody is signed in");
      const entry: StoredEntry = {
        nonce: newNonce(),
        userId,
        channelId,
        content,
        replyToId,
        createdAt: Math.max(Date.now(), (entries.at(-1)?.createdAt ?? 0) + 1),
        state: "waiting",
        failure: null,
        notBefore: null,
        attemptedAt: null,
      };
      show([...entries, entry]);
      save(entry);
      void pump(channelId);
      return entry;
    },
    retry(nonce) {
      const entry = find(nonce);
      if (entry?.state !== "failed") return;
      update(entry, { state: "waiting", failure: null, notBefore: null });
      void pump(entry.channelId);
    },
    discard(nonce) {
      if (!drop(nonce)) return;
      needs.changed(entries);
      erase(nonce, { kind: "removed", nonce });
      pumpAll();
    },
    async load() {
      const before = turn;
      const onDisk = (await needs.store.opened()) ? await needs.store.all() : null;
      if (!onDisk || before !== turn || !needs.userId()) return;
      // What was written before the disk had answered is only in memory.
      for (const entry of entries) if (!stored.has(entry.nonce)) save(entry);
      const others = onDisk.filter((entry) => entry.userId !== needs.userId());
      if (others.length > 0) await needs.store.remove(others.map((entry) => entry.nonce));
      await lookAtDisk();
      pumpAll();
    },
    resume: pumpAll,
    arrived(message) {
      const entry = message.nonce === undefined ? undefined : find(message.nonce);
      if (entry && message.author.id === entry.userId) acknowledged(entry, message);
    },
    leave(eraseThem) {
      turn++;
      const nonces = entries.map((entry) => entry.nonce);
      if (eraseThem) writes = writes.then(() => needs.store.remove(nonces));
      for (const { timer } of timers.values()) clearTimeout(timer);
      timers.clear();
      stored.clear();
      tries.clear();
      show([]);
    },
    received(news) {
      if (news.kind === "removed") {
        if (drop(news.nonce)) needs.changed(entries);
      } else if (news.entry.userId !== needs.userId()) {
        return;
      } else if (news.kind === "sent") {
        if (!drop(news.entry.nonce)) return;
        needs.sent(news.entry, news.message);
        needs.changed(entries);
      } else if (!done.has(news.entry.nonce)) {
        if (news.stored) stored.add(news.entry.nonce);
        show([...entries.filter((entry) => entry.nonce !== news.entry.nonce), news.entry]);
        later(news.entry.channelId, ADOPT_MS);
      }
    },
  };
}

/** As it is read from disk. */
function sane(entry: StoredEntry): StoredEntry {
  const tooFar = (entry.notBefore ?? 0) > Date.now() + WAIT_MAX_MS;
  return tooFar ? { ...entry, notBefore: null } : entry;
}

/** `crypto.randomUUID` exists only in secure contexts. */
function newNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
