/** The one kind of error that the protocol layer rejects with. */
import type { Failure } from "./api";
import type { ApiError } from "./contract";

export class ApiFailure extends Error implements Failure {
  override readonly name = "ApiFailure";
  readonly code: Failure["code"];
  readonly retryAfterMs?: number;
  readonly fields?: Record<string, string>;

  constructor(error: Omit<ApiError, "code"> & { code: Failure["code"] }) {
    super(error.message);
    this.code = error.code;
    if (error.retryAfterMs != null) this.retryAfterMs = error.retryAfterMs;
    if (error.fields != null) this.fields = error.fields;
  }
}

export const offline = (message = "not connected") => new ApiFailure({ code: "offline", message });
export const timedOut = () => new ApiFailure({ code: "timeout", message: "no answer in time" });

export function isFailure(error: unknown, ...codes: Failure["code"][]): error is ApiFailure {
  return error instanceof ApiFailure && (codes.length === 0 || codes.includes(error.code));
}
