/**
 * Mentions while writing. A draft is kept as it goes over the wire (`<@id>`, the address of a channel); the text
 * field shows `@Name` and `#channel`. A token whose text is changed by hand is a token no more.
 */
const WIRE_MENTION = /<@\d{1,20}>/g;

/**
 * What turns text round reaches as far as the end of the line, and a text field has no markup that would end it. Names
 * lose it here; isolates would be invisible characters to step over, and to delete one by one.
 */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

/** What the text field shows for each wire form of the draft. */
export type Tokens = Map<string, string>;

/** `label` says what to show for a wire form, null if that is unknown; `links` finds the other wire forms. */
export function toDisplay(
  wire: string,
  tokens: Tokens,
  label: (wire: string) => string | null,
  links: RegExp,
): string {
  const shown = (form: string) => {
    const known = tokens.get(form) ?? label(form);
    return known === null ? form : addToken(tokens, form, known);
  };
  return wire.replace(WIRE_MENTION, shown).replace(links, shown);
}

export function toWire(display: string, tokens: Tokens): string {
  // The longest first: `@Ada Lovelace` is not `@Ada` and a word.
  const byLength = [...tokens].sort(([, a], [, b]) => b.length - a.length);
  if (byLength.length === 0) return display;
  const pattern = new RegExp(
    byLength.map(([, label]) => `${escape(label)}(?![\\p{L}\\p{N}_])`).join("|"),
    "gu",
  );
  const forms = new Map(byLength.map(([form, label]) => [label, form]));
  return display.replace(pattern, (label) => forms.get(label) ?? label);
}

/** Returns what it is shown as: with a number behind it if somebody else of that name is mentioned already. */
export function addToken(tokens: Tokens, form: string, label: string): string {
  const known = tokens.get(form);
  if (known) return known;
  const taken = new Set(tokens.values());
  const plain = label.replace(TURNS, "");
  // Nothing but the sign in front of the name: as it goes over the wire, or each such sign would be a token.
  const name = plain.length > 1 ? plain : form;
  let unique = name;
  for (let count = 2; taken.has(unique); count++) unique = `${name}·${count}`;
  tokens.set(form, unique);
  return unique;
}

/** The token that ends at `caret`, to be deleted as a whole. */
export function tokenBefore(display: string, caret: number, tokens: Tokens): string | null {
  const before = display.slice(0, caret);
  const found = [...tokens.values()].filter((label) => before.endsWith(label));
  return found.sort((a, b) => b.length - a.length)[0] ?? null;
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
