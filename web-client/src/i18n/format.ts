/**
 * Times, days and lists in the words of the reader, through `Intl`. Making a formatter costs more than using it,
 * so each one is made once. Nothing here is reactive: callers pass the clock they want (`app.settings.clock`).
 */
import { getLocale, m } from ".";
import { isolate } from "./isolate";

export type Clock = "system" | "12" | "24";
type Moment = number | string | Date;

const DAY_MS = 86_400_000;
const formatters = new Map<string, object>();

/** `14:03` or `2:03 PM`. */
export function formatTime(at: Moment, clock: Clock): string {
  return dateFormat(clock, { hour: "numeric", minute: "2-digit" }).format(new Date(at));
}

/** `Wednesday, 25 November 2026`, for day separators. */
export function formatDay(at: Moment): string {
  return dateFormat("system", { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(
    new Date(at),
  );
}

/** `25 Nov 2026`. */
export function formatDate(at: Moment): string {
  return dateFormat("system", { dateStyle: "medium" }).format(new Date(at));
}

/** `25 Nov 2026, 14:03`. */
export function formatMoment(at: Moment, clock: Clock): string {
  return dateFormat(clock, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

/** `10,000`. */
export function formatCount(count: number): string {
  return made("count", (locale) => new Intl.NumberFormat(locale)).format(count);
}

/** `2 minutes`, or with `short` `2 min`. */
export function formatUnit(count: number, unit: string, unitDisplay: "long" | "short" = "long"): string {
  const make = (locale: string) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay });
  return made(`${unitDisplay} ${unit}`, make).format(count);
}

/** `in 3 days`, always as a number. */
export function formatAhead(count: number, unit: Intl.RelativeTimeFormatUnit): string {
  return made("ahead", (locale) => new Intl.RelativeTimeFormat(locale, { numeric: "always" })).format(
    count,
    unit,
  );
}

/** `Wednesday, 25 November 2026 at 14:03`, for tooltips and screen readers. */
export function formatFull(at: Moment, clock: Clock): string {
  return dateFormat(clock, { dateStyle: "full", timeStyle: "short" }).format(new Date(at));
}

/** Beside a name: the time today, `Yesterday 14:03`, or the date and time before that. */
export function formatStamp(at: Moment, clock: Clock, now: number = Date.now()): string {
  const days = daysBetween(new Date(at), new Date(now));
  if (days === 0) return formatTime(at, clock);
  if (days === 1) return m.chat_yesterday_at({ time: formatTime(at, clock) });
  return dateFormat(clock, { dateStyle: "short", timeStyle: "short" }).format(new Date(at));
}

/** Within a sentence: the time today, the date and time before that. */
export function formatSince(at: Moment, clock: Clock, now: number = Date.now()): string {
  if (daysBetween(new Date(at), new Date(now)) === 0) return formatTime(at, clock);
  return dateFormat(clock, { dateStyle: "short", timeStyle: "short" }).format(new Date(at));
}

/** `3 minutes ago`, `in 2 hours`, `yesterday`: the largest unit that fits. */
export function formatRelative(at: Moment, now: number = Date.now()): string {
  const ms = new Date(at).getTime() - now;
  const units = [
    ["year", 365 * DAY_MS],
    ["month", 30 * DAY_MS],
    ["day", DAY_MS],
    ["hour", 3_600_000],
    ["minute", 60_000],
  ] as const;
  const format = made("relative", (locale) => new Intl.RelativeTimeFormat(locale, { numeric: "auto" }));
  const fit = units.find(([, unitMs]) => Math.abs(ms) >= unitMs);
  return fit ? format.format(Math.trunc(ms / fit[1]), fit[0]) : format.format(0, "second");
}

/** `Ada, Grace and Alan`, each with a direction of its own. */
export function formatList(names: readonly string[]): string {
  const format = made("list", (locale) => new Intl.ListFormat(locale, { type: "conjunction" }));
  return format.format(names.map(isolate));
}

/** Calendar days of the reader's time zone from `earlier` to `later`. */
export function daysBetween(earlier: Date, later: Date): number {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(later) - midnight(earlier)) / DAY_MS);
}

function dateFormat(clock: Clock, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const hourCycle = clock === "12" ? "h12" : clock === "24" ? "h23" : undefined;
  return made(
    clock + JSON.stringify(options),
    (locale) => new Intl.DateTimeFormat(locale, { ...options, hourCycle }),
  );
}

/** `kind` names the class of the formatter as well as its options. */
function made<F extends object>(kind: string, make: (locale: string) => F): F {
  const locale = getLocale();
  const key = `${locale} ${kind}`;
  const known = formatters.get(key) as F | undefined;
  if (known) return known;
  const format = make(regional(locale));
  formatters.set(key, format);
  return format;
}

/** The reader's own region if it speaks the language of the page: `en` read in Britain is `en-GB`. */
function regional(locale: string): string {
  const languages = typeof navigator === "undefined" ? [] : navigator.languages;
  return languages.find((language) => language.split("-")[0] === locale) ?? locale;
}
