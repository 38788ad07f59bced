/**
 * A WebSocket that the page's first script opens, so that its handshake does not wait for the code that speaks over it
 * (`socket.ts`, which takes it from here). Small, because everything else waits for that script.
 */
export interface Ahead {
  socket: WebSocket;
  /** What has come already. */
  frames: unknown[];
}

let ahead: Ahead | null = null;

/** Where one was open the last time (`socketPath.ts`, `transportsHere`); otherwise nothing is tried. */
export function openAhead(storage: Pick<Storage, "getItem">, prefix = "vibetalk"): void {
  const path = storage.getItem(`${prefix}:socketPath`);
  if (!path || storage.getItem(`${prefix}:transport`) !== "websocket") return;
  try {
    const origin = location.origin.replace(/^http/, "ws");
    const socket = new WebSocket(`${origin}${path}/?EIO=4&transport=websocket`);
    const frames: unknown[] = [];
    socket.onmessage = ({ data }) => frames.push(data);
    ahead = { socket, frames };
  } catch {
    // Forbidden; `socket.ts` finds another way.
  }
}

export function isAhead(): boolean {
  return ahead !== null;
}

/** The one that is open, or opens, at this address. Another one is of no use. */
export function takeAhead(url: string): Ahead | null {
  const taken = ahead;
  ahead = null;
  if (!taken) return null;
  const { socket } = taken;
  if (socket.url === url && socket.readyState <= WebSocket.OPEN) return taken;
  socket.close();
  return null;
}
