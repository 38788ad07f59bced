/** The slow mode that can be chosen. */
import { m } from "../../i18n";
import { durationText } from "../failure";

/** Seconds; the contract allows up to six hours. */
const CHOICES_S = [0, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600];

/** With the present value, if another client chose one in between. */
export function slowModeOptions(present: number): { value: string; label: string }[] {
  const all = [...new Set([...CHOICES_S, present])].sort((a, b) => a - b);
  return all.map((seconds) => ({
    value: String(seconds),
    label: seconds === 0 ? m.channel_slow_mode_off() : durationText(seconds * 1000),
  }));
}
