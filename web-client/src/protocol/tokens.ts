/**
 * The session of this browser: who is signed in, and the tokens. Refreshes once for all tabs. The server
 * answers a replaced token for a minute while its successor is unused, which covers a page that is gone before
 * its answer is there; an answer that is older than what is stored is never used.
 *
 * Only the server's own `unauthorized` ends a session; without network the old tokens stay.
 */
import type { Tokens, User } from "./contract";
import { ApiFailure, isFailure } from "./failure";
import type { Http } from "./http";
import type { Exclusive } from "./locks";
import {
  asSession,
  type EndReason,
  isFresh,
  MARGIN_MS,
  parseStored,
  type Session,
  SESSION_KEY,
} from "./session";
import type { TabStorage } from "./storage";

export interface TokenKeeper {
  session(): Session | null;
  adopt(tokens: Tokens, serverTime: number | null): void;
  /** A changed profile. Is not stored: that could put old tokens back which another tab has replaced. */
  setUser(user: User): void;
  accessToken(): Promise<string>;
  /** Another token than `stale`, which the server refused. */
  replace(stale: string): Promise<string>;
  forget(reason: EndReason): void;
}

interface Needs {
  storage: TabStorage;
  http: Http;
  exclusive: Exclusive;
  now?: () => number;
  /** The session is gone, here or in another tab. */
  ended: (reason: EndReason) => void;
}

/** A new token counts as good for this long whatever the clocks say, or a wrong clock would refresh forever. */
const TRUSTED_MS = 30_000;
/** `localStorage` reaches other processes a moment later than a lock does. */
const SETTLE_MS = 200;

export function createTokens({ storage, http, exclusive, now = Date.now, ended }: Needs): TokenKeeper {
  const stored = () => parseStored(storage.get(SESSION_KEY));
  const read = () => asSession(stored());
  let current = read();
  let refreshing: Promise<string> | null = null;

  function write(session: Session): void {
    current = session;
    storage.set(SESSION_KEY, JSON.stringify(session));
  }

  storage.watch(SESSION_KEY, () => {
    const before = current;
    current = read();
    if (before && before.user.id !== current?.user.id) {
      // Also when another person has signed in there: this page is not theirs.
      current = null;
      ended(stored().endedBy ?? "byUser");
    }
  });

  const signedOut = () => new ApiFailure({ code: "unauthorized", message: "signed out" });

  /** `stale`: the token to get rid of. Whoever comes second finds a new one and takes that. */
  function refresh(stale: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const turn = exclusive("refresh", async () => {
        await refreshAlone(stale).then(resolve, reject);
        if (storage.shared) await new Promise((done) => setTimeout(done, SETTLE_MS));
      });
      turn.catch(reject);
    });
  }

  async function refreshAlone(stale: string): Promise<string> {
    const session = (current = read());
    if (!session) throw signedOut();
    if (session.accessToken !== stale) return session.accessToken;
    try {
      const body = { refreshToken: session.refreshToken };
      const { data, serverTime } = await http<Tokens>({ method: "POST", path: "auth/refresh", body });
      if (!isOvertaken(session)) adopt(data, serverTime);
    } catch (error) {
      const refused = isFailure(error, "unauthorized");
      if (!refused || !isOvertaken(session)) {
        if (refused) forget("ended");
        throw error;
      }
    }
    if (!current) throw signedOut();
    return current.accessToken;
  }

  /** While this tab was asleep another one has refreshed, or signed out: what is stored now is what counts. */
  function isOvertaken(session: Session): boolean {
    current = read();
    return current?.refreshToken !== session.refreshToken;
  }

  function replace(stale: string): Promise<string> {
    refreshing ??= refresh(stale).finally(() => (refreshing = null));
    return refreshing;
  }

  function adopt(tokens: Tokens, serverTime: number | null): void {
    const lifetimeMs = Date.parse(tokens.accessTokenExpiresAt) - (serverTime ?? now());
    write({
      accessToken: tokens.accessToken,
      expiresAt: now() + Math.max(lifetimeMs, MARGIN_MS + TRUSTED_MS),
      refreshToken: tokens.refreshToken,
      user: tokens.user,
    });
  }

  function forget(reason: EndReason): void {
    if (!current) return;
    current = null;
    storage.set(SESSION_KEY, JSON.stringify({ endedBy: reason }));
    ended(reason);
  }

  return {
    session: () => current,
    adopt,
    setUser(user) {
      if (current && current.user.id === user.id) current = { ...current, user };
    },
    async accessToken() {
      if (!current) throw signedOut();
      const { accessToken, expiresAt } = current;
      if (isFresh(current, now())) return accessToken;
      try {
        return await replace(accessToken);
      } catch (error) {
        if (current && expiresAt > now()) return accessToken; // Good for its last minute.
        throw error;
      }
    },
    replace,
    forget,
  };
}
