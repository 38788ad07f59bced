/** Names of presence. */
import { m } from "../../i18n";
import type { KnownPresence } from "../../state/api";

export type OwnStatus = "online" | "idle" | "dnd" | "invisible";

type Status = OwnStatus | KnownPresence["status"];

const NAMES: Record<Status, () => string> = {
  online: m.presence_online,
  idle: m.presence_idle,
  dnd: m.presence_dnd,
  invisible: m.status_invisible,
  offline: m.presence_offline,
  unknown: m.presence_unknown,
  disconnected: m.presence_disconnected,
};

export function statusName(status: Status): string {
  return NAMES[status]();
}
