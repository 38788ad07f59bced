/** Names of presence. */
import { m } from "../../i18n";

export type OwnStatus = "online" | "idle" | "dnd" | "invisible";

const NAMES: Record<OwnStatus | "offline", () => string> = {
  online: m.presence_online,
  idle: m.presence_idle,
  dnd: m.presence_dnd,
  invisible: m.status_invisible,
  offline: m.presence_offline,
};

export function statusName(status: OwnStatus | "offline"): string {
  return NAMES[status]();
}
