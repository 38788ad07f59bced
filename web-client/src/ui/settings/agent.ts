/** The browser and system of a User-Agent header, as far as a person would recognise them. */
export interface Agent {
  browser: string | null;
  system: string | null;
  phone: boolean;
}

/** In this order: most browsers claim to be the ones below them, too. */
const browsers: [RegExp, string][] = [
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
];

const systems: [RegExp, string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

export function agentOf(header: string): Agent {
  const find = (names: [RegExp, string][]) => names.find(([pattern]) => pattern.test(header))?.[1] ?? null;
  return { browser: find(browsers), system: find(systems), phone: /iPhone|Android.*Mobile/.test(header) };
}
