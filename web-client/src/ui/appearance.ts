/** Applies the settings to the document: theme, density, size of the text, motion, language. */
import { getLocale, setLocale } from "../i18n";
import {
  extractLocaleFromNavigator,
  getTextDirection,
  overwriteGetLocale,
} from "../i18n/generated/runtime.js";
import type { Settings } from "../state/api";

const FONT_SIZE_NORMAL = 16;

export function applyAppearance(settings: Readonly<Settings>): void {
  const root = document.documentElement;
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete root.dataset[name];
    else root.dataset[name] = value;
  };
  const wantsContrast = matchMedia("(prefers-contrast: more)").matches;
  const system = wantsContrast ? "contrast" : undefined;
  set("theme", settings.theme === "system" ? system : settings.theme);
  set("density", settings.density);
  set("motion", settings.motion === "reduced" ? "reduced" : undefined);
  // A percentage of what the browser is set to, so that a larger size there still counts.
  root.style.fontSize = `${(settings.fontSize / FONT_SIZE_NORMAL) * 100}%`;
}

/** Switches the language without a reload and returns it: the root is keyed by it. */
export function applyLanguage(language: Settings["language"]): string {
  const locale = language === "system" ? (extractLocaleFromNavigator() ?? "en") : language;
  if (locale !== getLocale()) void setLocale(locale, { reload: false });
  // Or each message would ask the storage and the navigator for it.
  overwriteGetLocale(() => locale);
  document.documentElement.lang = locale;
  document.documentElement.dir = getTextDirection(locale);
  return locale;
}
