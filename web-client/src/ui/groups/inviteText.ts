/** How long an invite lasts, in words. */
import { m } from "../../i18n";
import type { Invite } from "../../protocol/contract";
import { formatAhead, formatCount } from "../../i18n/format";

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** "in 3 days". */
export function untilText(time: string, now = Date.now()): string {
  const ms = Date.parse(time) - now;
  for (const [unit, unitMs] of UNITS) if (ms >= unitMs) return formatAhead(Math.round(ms / unitMs), unit);
  return formatAhead(Math.max(1, Math.round(ms / 60_000)), "minute");
}

/** "3 of 10 used · expires in 3 days" */
export function inviteLine(invite: Invite): string {
  const uses =
    invite.maxUses === null
      ? invite.uses === 0
        ? m.invite_unused()
        : m.invite_used({ count: invite.uses })
      : m.invite_used_of({ uses: formatCount(invite.uses), max: formatCount(invite.maxUses) });
  const until = invite.expiresAt
    ? m.invite_expires_in({ time: untilText(invite.expiresAt) })
    : m.invite_never_expires();
  return `${uses} · ${until}`;
}
