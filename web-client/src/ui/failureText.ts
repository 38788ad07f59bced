/** What to tell a person about a failed action. Decided by the code: `message` is English and for developers. */
import { m } from "../i18n";

interface Coded {
  code: string;
  retryAfterMs?: number;
}

function isCoded(error: unknown): error is Coded {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string";
}

const texts: Record<string, () => string> = {
  offline: m.failure_offline,
  timeout: m.failure_timeout,
  unavailable: m.failure_unavailable,
  forbidden: m.failure_forbidden,
  unauthorized: m.failure_unauthorized,
  token_expired: m.failure_unauthorized,
  conflict: m.failure_conflict,
  too_large: m.failure_too_large,
  invalid_request: m.failure_invalid_request,
  group_not_found: m.failure_group_not_found,
  channel_not_found: m.failure_channel_not_found,
  message_not_found: m.failure_message_not_found,
  member_not_found: m.failure_member_not_found,
  user_not_found: m.failure_user_not_found,
  invite_not_found: m.failure_invite_not_found,
  session_not_found: m.failure_session_not_found,
};

export function failureText(error: unknown): string {
  if (!isCoded(error)) return m.failure_other();
  if (error.code === "rate_limited") {
    return m.failure_rate_limited({ seconds: Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000)) });
  }
  return texts[error.code]?.() ?? m.failure_other();
}
