/** The reader's own presence: what they chose, and what others are told of it. */
import type { People } from "./api";
import type { Presence } from "../protocol/contract";

export type MyStatus = People["myStatus"];

export const IDLE_AFTER_MS = 10 * 60_000;
/** The person's own pushes trail what was just said by about a second. */
const ECHO_MS = 3000;

/** Idle comes by itself, but only to who is online: the other choices say more. */
export function told(chosen: MyStatus, lastInputAt: number, now: number): MyStatus {
  const idle = chosen.status === "online" && now - lastInputAt >= IDLE_AFTER_MS;
  return idle ? { ...chosen, status: "idle" } : chosen;
}

/**
 * The person's own presence was pushed. Another device may have chosen something, which holds here too; or it has
 * turned idle while this one is in use, which has to be taken back.
 */
export function heard(
  chosen: MyStatus,
  said: { status: MyStatus["status"]; at: number },
  presence: Presence,
  now: number,
): { chosen: MyStatus; sayAgain: boolean } {
  if (now - said.at < ECHO_MS) return { chosen, sayAgain: false };
  const { status, text } = presence;
  const seen = said.status === "invisible" ? "offline" : said.status;
  if (status === seen && text === chosen.text) return { chosen, sayAgain: false };
  if (status === "idle" && chosen.status === "online") return { chosen, sayAgain: said.status === "online" };
  // Offline is how invisible looks; it is also pushed while the last socket is gone.
  if (status === "offline") return { chosen, sayAgain: false };
  if (status === "online" && said.status === "idle") return { chosen: { ...chosen, text }, sayAgain: false };
  return { chosen: { status, text }, sayAgain: false };
}
