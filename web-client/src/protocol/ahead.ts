/**
 * A WebSocket that the page's first script opens and signs in with, so that the server's answer does not wait for the
 * code that speaks over it (`socket.ts`, which takes it from here). Small, because everything else waits for that script.
 */
import { asSession, isFresh, parseStored, SESSION_KEY } from "./session";

export interface Ahead {
  socket: WebSocket;
  /** What has come already. */
  frames: unknown[];
  /** What was sent already: `connectPacket`, or nothing. */
  sent: string | null;
}

let ahead: Ahead | null = null;

/** Where one was open the last time (`socketPath.ts`, `transportsHere`); otherwise nothing is tried. */
export function openAhead(storage: Pick<Storage, "getItem">, prefix = "vibetalk"): void {
  const path = storage.getItem(`${prefix}:socketPath`);
  if (!path || storage.getItem(`${prefix}:transport`) !== "websocket") return;
  const session = asSession(parseStored(storage.getItem(`${prefix}:${SESSION_KEY}`)));
  // Another token has to be fetched first, by one tab for all.
  const connect = session && isFresh(session, Date.now()) ? connectPacket(session.accessToken) : null;
  try {
    const origin = location.origin.replace(/^http/, "ws");
    const socket = new WebSocket(`${origin}${path}/?EIO=4&transport=websocket`);
    const opening: Ahead = { socket, frames: [], sent: null };
    socket.onmessage = ({ data }) => {
      // The first frame says that the server is ready to read.
      if (opening.frames.push(data) === 1 && connect) socket.send((opening.sent = connect));
    };
    ahead = opening;
  } catch {
    // Forbidden; `socket.ts` finds another way.
  }
}

/** Joins the default namespace (Engine.IO 4 message, Socket.IO 0 CONNECT), exactly as socket.io-client writes it. */
export function connectPacket(token: string): string {
  return `40${JSON.stringify({ token })}`;
}

export function isAhead(): boolean {
  return ahead !== null;
}

/** The one that is open, or opens, at this address, and is nobody else's. Another one is of no use. */
export function takeAhead(url: string, token: string): Ahead | null {
  const taken = ahead;
  ahead = null;
  if (!taken) return null;
  const { socket, sent } = taken;
  const fits = socket.url === url && (sent === null || sent === connectPacket(token));
  if (fits && socket.readyState <= WebSocket.OPEN) return taken;
  socket.close();
  return null;
}
