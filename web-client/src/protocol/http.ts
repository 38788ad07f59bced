/** JSON over HTTP, every failure as an `ApiFailure`. Knows nothing of sessions and repeats nothing. */
import { ApiFailure, offline, timedOut } from "./failure";
import type { ApiError } from "./contract";

export interface HttpRequest {
  method: "GET" | "POST" | "DELETE";
  /** Below `/api/v1/`. */
  path: string;
  body?: unknown;
  accessToken?: string;
}

export interface HttpAnswer<T> {
  data: T;
  /** Unix milliseconds by the server's clock (header `Date`); other origins do not see it. */
  serverTime: number | null;
}

export type Http = <T>(request: HttpRequest) => Promise<HttpAnswer<T>>;

const TIMEOUT_MS = 15_000;

export function createHttp(origin: string, fetchFrom: typeof fetch = (...args) => fetch(...args)): Http {
  return async function http<T>({ method, path, body, accessToken }: HttpRequest): Promise<HttpAnswer<T>> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (accessToken) headers.authorization = `Bearer ${accessToken}`;
    let response: Response, text: string;
    try {
      response = await fetchFrom(`${origin}/api/v1/${path}`, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      throw (error as Error).name === "TimeoutError" ? timedOut() : offline((error as Error).message);
    }
    const json = parse(text);
    if (!response.ok) throw refusal(response, json);
    const date = Date.parse(response.headers.get("date") ?? "");
    return { data: json as T, serverTime: Number.isNaN(date) ? null : date };
  };
}

/** Undefined for what is not JSON: 204, or the page of a proxy. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Only the server itself says `unauthorized`, which ends sessions: a 401 without its JSON comes from something
 * between (a hotel's network, a proxy) and counts as `unavailable`.
 */
function refusal(response: Response, json: unknown): ApiFailure {
  const error = (json as { error?: ApiError } | undefined)?.error;
  if (error?.code) return new ApiFailure(error);
  const retryAfterS = Number(response.headers.get("retry-after") ?? NaN);
  return new ApiFailure({
    code: response.status === 504 ? "timeout" : "unavailable",
    message: `HTTP ${response.status}`,
    ...(retryAfterS >= 0 && { retryAfterMs: retryAfterS * 1000 }),
  });
}
