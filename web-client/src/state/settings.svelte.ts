/**
 * The settings of this browser: reactive, saved when assigned, followed from other tabs. Applying them to the
 * document (classes, language) is the UI's.
 */
import type { Settings } from "./api";
import { browser } from "./storage";

const KEY = "settings";

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

export function createSettings(): Settings {
  const values = $state(parseSettings(browser.read(KEY, {})));
  window.addEventListener("storage", (event) => {
    if (event.key?.endsWith(KEY)) Object.assign(values, parseSettings(browser.read(KEY, {})));
  });
  return new Proxy(values, {
    set(target, key, value) {
      const done = Reflect.set(target, key, value);
      browser.write(KEY, $state.snapshot(target));
      return done;
    },
  });
}
