/** Whether the caret stands behind something that can be completed: `@ad`, `#gen`, `:smi`, or `/sh` at the start. */
export type TriggerKind = "person" | "channel" | "emoji" | "command";

export interface Trigger {
  kind: TriggerKind;
  query: string;
  /** Where its sign is. It ends at the caret. */
  start: number;
}

const KINDS: Record<string, TriggerKind> = { "@": "person", "#": "channel", ":": "emoji", "/": "command" };
/** Shorter ones are smileys. */
const EMOJI_CHARS_MIN = 2;

export function triggerAt(text: string, caret: number): Trigger | null {
  const before = text.slice(0, caret);
  const [, sign, query] =
    /(?:^|[\s([{"'])([@#:])([^\s@#:]{0,32})$/u.exec(before) ?? /^(\/)(\w{0,16})$/.exec(before) ?? [];
  const kind = sign && KINDS[sign];
  if (!kind || query === undefined) return null;
  if (kind === "emoji" && !(query.length >= EMOJI_CHARS_MIN && /^[\w+-]+$/.test(query))) return null;
  return inCode(before) ? null : { kind, query, start: caret - query.length - 1 };
}

/** Inside an open code block, where Enter is a new line and nothing is completed. */
export function inCode(before: string): boolean {
  return before.split("```").length % 2 === 0;
}
