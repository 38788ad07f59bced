/** Names of presence. */
import { m } from "../../i18n";

export type OwnStatus = "online" | "idle" | "dnd" | "invisible";

const NAMES: Record<OwnStatus | "offline", () => string> = {
  online: m.status_online,
  idle: m.status_idle,
  dnd: m.status_dnd,
  invisible: m.status_invisible,
  offline: m.status_offline,
};

export function statusName(status: OwnStatus | "offline"): string {
  return NAMES[status]();
}
