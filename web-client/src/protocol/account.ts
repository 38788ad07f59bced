/** Registering, signing in and out, and the sessions of the person, over HTTP. */
import type { Account } from "./api";
import type { SessionInfo, Tokens, User } from "./contract";
import { isFailure } from "./failure";
import type { Http, HttpRequest } from "./http";
import type { TokenKeeper } from "./tokens";

interface Needs {
  http: Http;
  tokens: TokenKeeper;
  /** Somebody has signed in. */
  entered(): void;
  /** The session is about to end. */
  leaving(): void;
}

/** The server is told of a sign-out if it answers within this time; here it happens in any case. */
const SIGN_OUT_MS = 3000;

export function createAccount({ http, tokens, entered, leaving }: Needs): Account {
  async function enter(path: string, body: unknown): Promise<User> {
    const { data, serverTime } = await http<Tokens>({ method: "POST", path, body });
    tokens.adopt(data, serverTime);
    entered();
    return data.user;
  }

  /** With the token, and once more with a new one if that was refused. */
  async function authorised<T>(request: HttpRequest): Promise<T> {
    const accessToken = await tokens.accessToken();
    try {
      return (await http<T>({ ...request, accessToken })).data;
    } catch (error) {
      if (!isFailure(error, "unauthorized", "token_expired")) throw error;
      return (await http<T>({ ...request, accessToken: await tokens.replace(accessToken) })).data;
    }
  }

  return {
    get user() {
      return tokens.session()?.user ?? null;
    },
    register: (input) => enter("auth/register", input),
    signIn: (input) => enter("auth/login", input),
    async signOut() {
      if (!tokens.session()) return;
      // First, or the end of the session would arrive as one that somebody else has ended.
      leaving();
      const told = authorised({ method: "POST", path: "auth/logout" }).catch(() => {
        // Unreachable, or ended already: the session is forgotten here, and runs out there.
      });
      await Promise.race([told, new Promise((done) => setTimeout(done, SIGN_OUT_MS))]);
      tokens.forget("byUser");
    },
    changePassword: (input) => authorised({ method: "POST", path: "auth/password", body: input }),
    sessions: async () =>
      (await authorised<{ sessions: SessionInfo[] }>({ method: "GET", path: "auth/sessions" })).sessions,
    endSession: (id) => authorised({ method: "DELETE", path: `auth/sessions/${encodeURIComponent(id)}` }),
    accessToken: () => tokens.accessToken(),
  };
}
