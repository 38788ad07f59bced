/** When slow mode lets the reader's next message through. Pure. */
import type { OutboxEntry } from "../protocol/api";

interface Sending {
  /** Of the channel; 0 is off. */
  intervalSeconds: number;
  /** When the reader's last message was accepted; Unix milliseconds. */
  lastSentAt: number | null;
  /** Of the channel. */
  entries: readonly OutboxEntry[];
}

/** Unix milliseconds; in the past when nothing holds the next message back. */
export function slowModeEnds({ intervalSeconds, lastSentAt, entries }: Sending): number {
  if (intervalSeconds <= 0) return 0;
  let ends = lastSentAt === null ? 0 : lastSentAt + intervalSeconds * 1000;
  for (const { failure, notBefore } of entries) {
    if (failure?.code === "rate_limited" && notBefore !== null) ends = Math.max(ends, notBefore);
  }
  return ends;
}

export function secondsUntil(time: number, now: number): number {
  return Math.max(0, Math.ceil((time - now) / 1000));
}
