/** Who is signed in, as the storage keeps it. Small: the page's first script reads it, too (`ahead.ts`). */
import type { User } from "./contract";

export interface Session {
  accessToken: string;
  /** Unix milliseconds by the clock of this machine. */
  expiresAt: number;
  refreshToken: string;
  user: User;
}

export type EndReason = "byUser" | "ended";

export const SESSION_KEY = "session";
/** A token is not used in its last minute, so that it does not expire on its way. */
export const MARGIN_MS = 60_000;

/** A session, or why there is none. */
export function parseStored(text: string | null): Partial<Session & { endedBy: EndReason }> {
  try {
    return JSON.parse(text ?? "{}") ?? {};
  } catch {
    return {};
  }
}

export function asSession(stored: Partial<Session>): Session | null {
  return stored.refreshToken && stored.user ? (stored as Session) : null;
}

export function isFresh({ expiresAt }: Pick<Session, "expiresAt">, now: number): boolean {
  return expiresAt - MARGIN_MS > now;
}
