/** Messages that wait for their acknowledgement. (In memory only, for now.) */
import type { Outbox, OutboxEntry, RequestData, RequestPayload } from "./api";
import type { Id, Message } from "./contract";
import { isFailure } from "./failure";

interface Needs {
  send(payload: RequestPayload<"message:create">): Promise<RequestData<"message:create">>;
  changed(entries: readonly OutboxEntry[]): void;
  sent(entry: OutboxEntry, message: Message): void;
}

export function createOutbox(needs: Needs): Outbox & { resume(): void; clear(): void } {
  let entries: OutboxEntry[] = [];
  const busy = new Set<Id>();

  function update(nonce: string, change: Partial<OutboxEntry> | null): void {
    entries = entries.flatMap((entry) =>
      entry.nonce !== nonce ? [entry] : change ? [{ ...entry, ...change }] : [],
    );
    needs.changed(entries);
  }

  async function pump(channelId: Id): Promise<void> {
    if (busy.has(channelId)) return;
    busy.add(channelId);
    try {
      for (;;) {
        const head = entries.find((entry) => entry.channelId === channelId && entry.state !== "failed");
        if (!head) return;
        const { nonce, content, replyToId } = head;
        update(nonce, { state: "sending" });
        try {
          const message = await needs.send({ channelId, content, nonce, replyToId });
          needs.sent(head, message);
          update(nonce, null);
        } catch (error) {
          if (!isFailure(error)) throw error;
          const { code, message, retryAfterMs } = error;
          const again = ["offline", "timeout", "unavailable", "rate_limited"].includes(code);
          update(nonce, { state: again ? "waiting" : "failed", failure: { code, message } });
          if (!again) continue;
          if (code !== "offline") setTimeout(() => void pump(channelId), retryAfterMs ?? 1000);
          return;
        }
      }
    } finally {
      busy.delete(channelId);
    }
  }

  return {
    entries: () => entries,
    add({ channelId, content, replyToId = null }) {
      const nonce = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
        byte.toString(16).padStart(2, "0"),
      ).join("");
      const entry: OutboxEntry = {
        nonce,
        channelId,
        content,
        replyToId,
        createdAt: Date.now(),
        state: "waiting",
        failure: null,
        notBefore: null,
      };
      entries = [...entries, entry];
      needs.changed(entries);
      void pump(channelId);
      return entry;
    },
    retry(nonce) {
      update(nonce, { state: "waiting", failure: null });
      const entry = entries.find((each) => each.nonce === nonce);
      if (entry) void pump(entry.channelId);
    },
    discard: (nonce) => update(nonce, null),
    resume() {
      for (const channelId of new Set(entries.map((entry) => entry.channelId))) void pump(channelId);
    },
    clear() {
      entries = [];
      needs.changed(entries);
    },
  };
}
