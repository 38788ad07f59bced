/**
 * A request and its one answer over whatever socket is open now. Nothing is kept for a later connection:
 * without one, and when it breaks, requests reject with `offline`.
 */
import type { RequestData, RequestName, RequestPayload } from "./api";
import type { Ack } from "./contract";
import { ApiFailure, offline, timedOut } from "./failure";

export const REQUEST_TIMEOUT_MS = 10_000;

/** Gives the packet to an open connection; false without one. */
export type Send = (event: string, payload: unknown, ack: (reply: Ack<unknown>) => void) => boolean;

export interface Requests {
  request<E extends RequestName>(event: E, payload: RequestPayload<E>): Promise<RequestData<E>>;
  /** The connection is gone, and the answers with it. */
  connectionLost(): void;
}

export function createRequests(send: Send, measured: (latencyMs: number) => void): Requests {
  const waiting = new Set<(failure: ApiFailure) => void>();
  return {
    request<E extends RequestName>(event: E, payload: RequestPayload<E>) {
      return new Promise<RequestData<E>>((resolve, reject) => {
        const startedAt = performance.now();
        const fail = (failure: ApiFailure) => {
          settle();
          reject(failure);
        };
        const timer = setTimeout(() => fail(timedOut()), REQUEST_TIMEOUT_MS);
        const settle = () => {
          clearTimeout(timer);
          waiting.delete(fail);
        };
        waiting.add(fail);
        const sent = send(event, payload, (reply) => {
          if (!waiting.has(fail)) return;
          measured(performance.now() - startedAt);
          if (!reply.ok) return fail(new ApiFailure(reply.error));
          settle();
          resolve(reply.data as RequestData<E>);
        });
        if (!sent) fail(offline());
      });
    },
    connectionLost() {
      for (const fail of [...waiting]) fail(offline("the connection was lost"));
    },
  };
}
