/** Which failures pass by themselves, so that trying again later is worth it. */
import type { Failure } from "../protocol/api";

const TRANSIENT: readonly Failure["code"][] = ["offline", "timeout", "unavailable", "rate_limited"];
const GONE: readonly Failure["code"][] = ["channel_not_found", "group_not_found", "forbidden"];

export function codeOf(error: unknown): Failure["code"] | undefined {
  return (error as Partial<Failure> | null)?.code;
}

export function isTransient(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && TRANSIENT.includes(code);
}

/** The channel is not there for the reader, or not any more. */
export function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && GONE.includes(code);
}
