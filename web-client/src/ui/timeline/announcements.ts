/**
 * What a screen reader is told about arriving messages: each one if they are few, their number if they are many.
 * The rows of the timeline are no live region: loading history would be read aloud.
 */
export interface Arrival {
  author: string;
  text: string;
}

/** More within the pause are summed up. */
const READ_MAX = 3;
export const PAUSE_MS = 700;

export function announcement(
  arrivals: readonly Arrival[],
  words: { one: (arrival: Arrival) => string; many: (count: number) => string },
): string {
  return arrivals.length > READ_MAX ? words.many(arrivals.length) : arrivals.map(words.one).join(". ");
}
