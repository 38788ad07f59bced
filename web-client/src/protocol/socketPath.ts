/**
 * Where Socket.IO is at the server (`gateway.path`). What was found the last time is used without asking; it is asked
 * for when nothing is known, and when no connection opens there.
 */
import type { Http } from "./http";
import type { TabStorage } from "./storage";

export interface SocketPath {
  get(): Promise<string>;
  /** No connection opened at the path that was given: ask before it is given again. */
  doubt(): void;
}

const KEY = "socketPath";
const DEFAULT_PATH = "/socket.io";

export function createSocketPath({
  http,
  storage,
}: {
  http: Http;
  storage: Pick<TabStorage, "get" | "set">;
}): SocketPath {
  let known = storage.get(KEY);
  let asking: Promise<string> | null = null;

  async function ask(): Promise<string> {
    try {
      const { data } = await http<{ socketPath?: string }>({ method: "GET", path: "server" });
      if (data.socketPath) {
        known = data.socketPath;
        storage.set(KEY, known);
      }
    } catch {
      // The next attempt asks again: without an answer no connection opens either.
    }
    return known ?? DEFAULT_PATH;
  }

  const asked = () => (asking ??= ask().finally(() => (asking = null)));
  // While somebody types a password.
  if (!known) void asked();
  return {
    get: () => (known && !asking ? Promise.resolve(known) : asked()),
    doubt: () => void asked(),
  };
}
