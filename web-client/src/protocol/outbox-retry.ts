/** What a refusal means for an entry of the outbox. Pure. */
import { backoffMs } from "./backoff";
import { isFailure } from "./failure";
import type { StoredEntry } from "./outbox-store";

type Change = Pick<StoredEntry, "state" | "failure"> &
  Partial<Pick<StoredEntry, "notBefore" | "attemptedAt">>;

/** `tries`: how often this entry was not answered before; `now`: Unix milliseconds. */
export function afterRefusal(error: unknown, tries: number, now: number): Change {
  const code = isFailure(error) ? error.code : "invalid_request";
  const retryAfterMs = isFailure(error) ? error.retryAfterMs : undefined;
  const failure = { code, message: (error as Error).message };
  switch (code) {
    case "offline":
      return { state: "waiting", failure };
    case "rate_limited":
      // Certainly not stored, so a later attempt is the first one whose outcome may be unknown.
      return { state: "waiting", failure, notBefore: now + (retryAfterMs ?? 1000), attemptedAt: null };
    case "timeout":
    case "unavailable":
      return { state: "waiting", failure, notBefore: now + (retryAfterMs ?? backoffMs(tries)) };
    default:
      return { state: "failed", failure, attemptedAt: null };
  }
}
