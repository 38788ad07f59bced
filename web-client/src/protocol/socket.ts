/**
 * One connection of socket.io-client from its opening to its end, without the library's own reconnecting,
 * buffering and token handling: `connection.ts` decides those, with a new socket for each attempt.
 */
import { Manager, WebSocket as WebSocketTransport, XHR } from "socket.io-client";
import { isAhead, takeAhead } from "./ahead";
import type { Ack } from "./contract";

export type Transport = "websocket" | "polling";

export interface WireOptions {
  origin: string;
  path: string;
  /** In the order to try. */
  transports: Transport[];
  accessToken: string;
}

export interface Refusal {
  /** `unauthorized` and `token_expired` are the server's; others are the library's. */
  message: string;
  /** Header `Retry-After` of a full or draining server. */
  retryAfterMs: number | null;
}

/** Nothing is called after `refused`, `closed` or `Wire.close`. */
export interface WireEvents {
  /** The transport is open; the server has not judged the token yet. */
  opened(transport: Transport): void;
  upgraded(transport: Transport): void;
  /** How often the server pings. */
  greeted(pingIntervalMs: number): void;
  /** Any packet, pings too. */
  packet(): void;
  push(event: string, payload: unknown): void;
  refused(refusal: Refusal): void;
  /** `byServer`: with a Socket.IO disconnect, which means that the session has ended. */
  closed(byServer: boolean): void;
}

export interface Wire {
  /** False when not connected. */
  send(event: string, payload: unknown, ack: (reply: Ack<unknown>) => void): boolean;
  volatile(event: string, payload: unknown): void;
  close(): void;
}

export type OpenWire = (options: WireOptions, events: WireEvents) => Wire;

export const openWire: OpenWire = ({ origin, path, transports, accessToken }, events) => {
  const manager = new Manager(origin, {
    path,
    transports: isAhead() ? transports.map((name) => takingAhead(accessToken)[name]) : transports,
    // Without it only the first transport is ever tried.
    tryAllTransports: true,
    reconnection: false,
    autoConnect: false,
    timeout: false as unknown as number, // `connection.ts` has the deadline.
  });
  const socket = manager.socket("/", { auth: { token: accessToken } });
  let over = false;
  const unlessOver = <A extends unknown[]>(call: (...values: A) => void) => {
    return (...values: A) => {
      if (!over) call(...values);
    };
  };
  const end = () => {
    over = true;
    socket.disconnect();
  };

  const transport = () => manager.engine.transport.name as Transport;
  manager.on(
    "open",
    unlessOver(() => events.opened(transport())),
  );
  socket.onAny(unlessOver((event: string, payload: unknown) => events.push(event, payload)));
  socket.on(
    "connect_error",
    unlessOver((error: Error) => {
      end();
      events.refused({ message: error.message, retryAfterMs: retryAfterMs(error) });
    }),
  );
  socket.on(
    "disconnect",
    unlessOver((reason) => {
      end();
      events.closed(reason === "io server disconnect");
    }),
  );
  socket.connect();
  if (transports[0] === "websocket" && transports.length > 1 && !webSocketStarted(manager)) {
    end();
    return openWire({ origin, path, transports: transports.slice(1), accessToken }, events);
  }
  manager.engine.on(
    "handshake",
    unlessOver(({ pingInterval }) => events.greeted(pingInterval)),
  );
  manager.engine.on(
    "packet",
    unlessOver(() => events.packet()),
  );
  manager.engine.on(
    "upgrade",
    unlessOver(() => events.upgraded(transport())),
  );

  return {
    send(event, payload, ack) {
      if (over || !socket.connected) return false;
      socket.emit(event, payload, ack);
      return true;
    },
    volatile(event, payload) {
      if (!over && socket.connected) socket.volatile.emit(event, payload);
    },
    close: end,
  };
};

/** Goes on with the WebSocket that is open already, and may have been signed in with this token. */
const takingAhead = (token: string) => ({
  websocket: class extends WebSocketTransport {
    /** The packet that must not be sent again. */
    #sent: string | null = null;

    override createSocket(
      ...[url, ...options]: Parameters<WebSocketTransport["createSocket"]>
    ): ReturnType<WebSocketTransport["createSocket"]> {
      const taken = takeAhead(url, token);
      if (!taken) return super.createSocket(url, ...options);
      const { socket, frames, sent } = taken;
      this.#sent = sent;
      // Else nothing has come either.
      if (socket.readyState === WebSocket.OPEN)
        queueMicrotask(() => {
          this.onOpen();
          for (const data of frames) this.onData(data as string);
        });
      return socket;
    }

    override doWrite(...[packet, data]: Parameters<WebSocketTransport["doWrite"]>): void {
      if (data === this.#sent) this.#sent = null;
      else super.doWrite(packet, data);
    }
  },
  polling: XHR,
});

/**
 * Whether there is a `WebSocket` at all. An error of its constructor (missing, or forbidden by an extension or a
 * policy) comes before the library listens for errors, so that it would wait in vain.
 */
function webSocketStarted({ engine }: Manager): boolean {
  return Boolean((engine.transport as { ws?: unknown }).ws);
}

/** Only polling tells why a handshake was refused: its errors carry the `XMLHttpRequest`. */
function retryAfterMs(error: Error): number | null {
  const request = (error as { context?: unknown }).context as XMLHttpRequest | undefined;
  // 0 without an answer; then Node.js has no headers to look into.
  if (!request?.status) return null;
  const seconds = Number(request.getResponseHeader("retry-after") ?? NaN);
  return seconds >= 0 ? seconds * 1000 : null;
}
