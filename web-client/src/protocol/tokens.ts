/**
 * The session of this browser: who is signed in, and the tokens. Refreshes once for all tabs, because a
 * refresh token that is used twice ends its session.
 *
 * Only the server's own `unauthorized` ends a session; without network the old tokens stay.
 */
import type { Tokens, User } from "./contract";
import { ApiFailure, isFailure } from "./failure";
import type { Http } from "./http";
import type { Exclusive } from "./locks";
import type { Storage_ } from "./storage";

export interface Session {
  accessToken: string;
  /** Unix milliseconds by the clock of this machine. */
  expiresAt: number;
  refreshToken: string;
  user: User;
}

export type EndReason = "byUser" | "ended";

export interface TokenKeeper {
  session(): Session | null;
  adopt(tokens: Tokens, serverTime: number | null): void;
  /** Of a signed-in session only; the server's word on who it is. */
  setUser(user: User): void;
  accessToken(): Promise<string>;
  /** Another token than `stale`, which the server refused. */
  replace(stale: string): Promise<string>;
  forget(reason: EndReason): void;
}

interface Needs {
  storage: Storage_;
  http: Http;
  exclusive: Exclusive;
  now?: () => number;
  /** The session is gone, here or in another tab. */
  ended: (reason: EndReason) => void;
}

/** A token is not used in its last minute, so that it does not expire on its way. */
const MARGIN_MS = 60_000;
/** A new token counts as good for this long whatever the clocks say, or a wrong clock would refresh forever. */
const TRUSTED_MS = 30_000;
const KEY = "session";

export function createTokens({ storage, http, exclusive, now = Date.now, ended }: Needs): TokenKeeper {
  let current = read();
  let refreshing: Promise<string> | null = null;

  function read(): Session | null {
    const stored = JSON.parse(storage.get(KEY) ?? "null") as Session | { endedBy: EndReason } | null;
    return stored && "refreshToken" in stored ? stored : null;
  }

  function write(session: Session): void {
    current = session;
    storage.set(KEY, JSON.stringify(session));
  }

  storage.watch(KEY, () => {
    const before = current;
    current = read();
    if (before && before.user.id !== current?.user.id) {
      const stored = JSON.parse(storage.get(KEY) ?? "null") as { endedBy?: EndReason } | null;
      current = null;
      ended(stored?.endedBy ?? "byUser");
    }
  });

  const signedOut = () => new ApiFailure({ code: "unauthorized", message: "signed out" });

  /** `stale`: the token to get rid of. Whoever comes second finds a new one and takes that. */
  async function refresh(stale: string): Promise<string> {
    return exclusive("refresh", async () => {
      const session = (current = read());
      if (!session) throw signedOut();
      if (session.accessToken !== stale) return session.accessToken;
      try {
        const answer = await http<Tokens>({
          method: "POST",
          path: "auth/refresh",
          body: { refreshToken: session.refreshToken },
        });
        adopt(answer.data, answer.serverTime);
        return answer.data.accessToken;
      } catch (error) {
        if (isFailure(error, "unauthorized")) forget("ended");
        throw error;
      }
    });
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
    storage.set(KEY, JSON.stringify({ endedBy: reason }));
    ended(reason);
  }

  return {
    session: () => current,
    adopt,
    setUser(user) {
      if (current && current.user.id === user.id) write({ ...current, user });
    },
    async accessToken() {
      if (!current) throw signedOut();
      if (current.expiresAt - MARGIN_MS > now()) return current.accessToken;
      return replace(current.accessToken);
    },
    replace,
    forget,
  };
}
