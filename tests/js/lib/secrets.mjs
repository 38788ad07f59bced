/** Remembers what this process sends that no log may hold: tokens, passwords, and texts that are long enough to be told from others. */
const TEXT_CHARS_MIN = 12;
const TEXT_CHARS_MAX = 4000;
const texts = new Set();

export function remember(...values) {
  for (const value of values) {
    if (typeof value === 'string' && value.length >= TEXT_CHARS_MIN && value.length <= TEXT_CHARS_MAX) texts.add(value);
  }
}

/** Which of them these lines hold. */
export function spilled(lines) {
  const log = lines.join('\n');
  return [...texts].filter((text) => log.includes(text));
}
