/**
 * What a person is told when something was refused: by code, never the server's own words, which are English
 * and meant for developers. Where a code means something else at one place, that place says so in `instead`; `time` is
 * how long to wait, where there is a wait.
 */
import { m } from "../i18n";
import { formatUnit } from "../i18n/format";
import type { Failure } from "../state/api";

export type FailureCode = Failure["code"];

const TEXTS: Record<FailureCode, (input: { time: string }) => string> = {
  invalid_request: m.failure_invalid_request,
  unknown_event: m.failure_unknown,
  unauthorized: m.failure_unauthorized,
  token_expired: m.failure_token_expired,
  forbidden: m.failure_forbidden,
  group_not_found: m.failure_group_not_found,
  channel_not_found: m.failure_channel_not_found,
  message_not_found: m.failure_message_not_found,
  member_not_found: m.failure_member_not_found,
  user_not_found: m.failure_user_not_found,
  invite_not_found: m.failure_invite_not_found,
  session_not_found: m.failure_session_not_found,
  attachment_not_found: m.failure_attachment_not_found,
  route_not_found: m.failure_unknown,
  conflict: m.failure_conflict,
  too_large: m.failure_too_large,
  rate_limited: m.failure_unavailable,
  unavailable: m.failure_unavailable,
  timeout: m.failure_timeout,
  offline: m.failure_offline,
};

/** The sentence for an error of any kind; what is no `Failure` is "something went wrong". */
export function failureText(
  error: unknown,
  instead: Partial<Record<FailureCode, (input: { time: string }) => string>> = {},
): string {
  const code = failureCode(error);
  if (!code) return m.failure_unknown();
  const wait = (error as Failure).retryAfterMs;
  if (code !== "rate_limited") return (instead[code] ?? TEXTS[code])({ time: "" });
  if (!wait) return m.failure_unavailable();
  return (instead[code] ?? m.failure_rate_limited)({ time: durationText(wait) });
}

/** The code of a `Failure`; null for anything else. Codes of a newer server are null too. */
export function failureCode(error: unknown): FailureCode | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" && Object.hasOwn(TEXTS, code) ? (code as FailureCode) : null;
}

const UNITS = [
  { unit: "day", ms: 86_400_000 },
  { unit: "hour", ms: 3_600_000 },
  { unit: "minute", ms: 60_000 },
  { unit: "second", ms: 1_000 },
] as const;

/** "2 minutes": in the largest unit that fits twice or exactly, rounded up so that waiting that long is enough. */
export function durationText(ms: number): string {
  const fit = UNITS.find((entry) => ms >= 2 * entry.ms || ms === entry.ms) ?? UNITS[3];
  const count = Math.max(1, Math.ceil(ms / fit.ms));
  return formatUnit(count, fit.unit);
}
