/**
 * The settings: reactive, saved when assigned, followed from other tabs. What a person wants wherever they sign in is
 * the account's (`ACCOUNT`), and kept in this browser only for the first paint and the sign-in page; the rest belongs to
 * the screen. Applying them to the document (classes, language) is the UI's.
 */
import { untrack } from "svelte";
import type { AccountSettings } from "./account-settings.svelte";
import type { Settings } from "./api";
import { browser } from "./storage";

const KEY = "settings";
/** Those that were chosen while nobody was signed in: they go to the account that is, if it has none. */
const CHOSEN_KEY = "settings.chosen";

const ACCOUNT: readonly (keyof Settings)[] = ["theme", "density", "language", "clock", "enterSends"];

const DEFAULTS: Settings = {
  theme: "system",
  density: "cozy",
  fontSize: 16,
  language: "system",
  clock: "system",
  motion: "system",
  enterSends: true,
  sounds: false,
};

const CHOICES: { [K in keyof Settings]: readonly Settings[K][] } = {
  theme: ["system", "light", "dark", "contrast"],
  density: ["cozy", "compact"],
  fontSize: [14, 15, 16, 18, 20],
  language: ["system", "en", "ar"],
  clock: ["system", "12", "24"],
  motion: ["system", "reduced"],
  enterSends: [true, false],
  sounds: [true, false],
};

/** Values that are no choice (from another version, or edited by hand) become the default. */
export function parseSettings(stored: Partial<Record<keyof Settings, unknown>>): Settings {
  const settings = { ...DEFAULTS };
  const keep = <K extends keyof Settings>(key: K) => {
    const value = CHOICES[key].find((choice) => choice === stored?.[key]);
    if (value !== undefined) settings[key] = value;
  };
  (Object.keys(DEFAULTS) as (keyof Settings)[]).forEach(keep);
  return settings;
}

/** `account`: of the person who is signed in; null while nobody is. */
export function createSettings(account: () => AccountSettings | null = () => null): Settings {
  const values = $state(parseSettings(browser.read(KEY, {})));
  window.addEventListener("storage", (event) => {
    if (event.key?.endsWith(`.${KEY}`)) Object.assign(values, parseSettings(browser.read(KEY, {})));
  });
  const settings = new Proxy(values, {
    set(target, key, value) {
      const done = Reflect.set(target, key, value);
      browser.write(KEY, $state.snapshot(target));
      const name = key as keyof Settings;
      if (!ACCOUNT.includes(name)) return done;
      const kept = account();
      if (kept) kept.set(name, value);
      else browser.write(CHOSEN_KEY, [...new Set([...chosen(values), name])]);
      return done;
    },
  });
  $effect.root(() => {
    $effect(() => {
      const kept = account();
      if (kept?.known) follow(values, kept);
    });
  });
  return settings;
}

/** An earlier version kept everything here and noted nothing: all that differs from the defaults was chosen. */
function chosen(values: Settings): (keyof Settings)[] {
  const differing = ACCOUNT.filter((key) => values[key] !== DEFAULTS[key]);
  return browser.read<(keyof Settings)[]>(CHOSEN_KEY, differing);
}

/** What the account says holds here. What it says nothing of comes from here once, or is as it is for everybody. */
function follow(values: Settings, kept: AccountSettings): void {
  const said = Object.fromEntries(ACCOUNT.map((key) => [key, kept.get(key)]));
  untrack(() => {
    const here = chosen(values);
    for (const key of ACCOUNT) if (said[key] === undefined && here.includes(key)) kept.set(key, values[key]);
    browser.write(CHOSEN_KEY, []);
    const missing = ACCOUNT.filter((key) => said[key] === undefined && !here.includes(key));
    const theirs = parseSettings({ ...$state.snapshot(values), ...defined(said) });
    for (const key of missing) Object.assign(theirs, { [key]: DEFAULTS[key] });
    for (const key of ACCOUNT) if (values[key] !== theirs[key]) Object.assign(values, { [key]: theirs[key] });
    browser.write(KEY, $state.snapshot(values));
  });
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
