/** What `ready` said last, kept so that the next start shows something before the server has answered. */
import type { Ready } from "../protocol/contract";
import { personal } from "./storage";

export type Snapshot = Pick<Ready, "user" | "groups" | "directChannels" | "readStates" | "limits">;

const KEY = "snapshot";
/** Browsers keep about 5 million characters for a site; who has more groups than this waits for the server. */
const CHARS_MAX = 1_000_000;

export function saveSnapshot(snapshot: Snapshot): void {
  const fits = JSON.stringify(snapshot).length <= CHARS_MAX;
  personal.write(KEY, fits ? snapshot : undefined);
}

export function loadSnapshot(userId: string): Snapshot | null {
  const snapshot = personal.read<Snapshot | null>(KEY, null);
  return snapshot?.user?.id === userId ? snapshot : null;
}
