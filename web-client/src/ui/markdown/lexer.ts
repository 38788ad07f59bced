/**
 * The Markdown of chat: GitHub's, with line breaks as typed, `<@id>`, `@everyone`, `||spoiler||` and `:name:`.
 * Without what surprises in a chat: HTML, code by indentation, headings by underlining, and link definitions,
 * which would make lines vanish.
 */
import { Marked, Tokenizer, type TokenizerExtension, type TokensList } from "marked";

class ChatTokenizer extends Tokenizer {
  override html(): undefined {}
  override tag(): undefined {}
  override code(): undefined {}
  override lheading(): undefined {}
  override def(): undefined {}
  override reflink(): undefined {}
}

/** `12:30:45` is a time, and `:+1:` an emoji. */
const SHORTCODE = /:(?=[^:]*[a-z]|[+-]1:|100:)[a-z0-9_+-]{2,40}:/;
const SHORTCODE_HERE = /^:(?=[^:]*[a-z]|[+-]1:|100:)([a-z0-9_+-]{2,40}):/;

const mention: TokenizerExtension = {
  name: "mention",
  level: "inline",
  start: (text) => nonNegative(text.indexOf("<@")),
  tokenizer(text) {
    const [raw, userId] = /^<@(\d{1,20})>/.exec(text) ?? [];
    return raw ? { type: "mention", raw, userId } : undefined;
  },
};

const everyone: TokenizerExtension = {
  name: "everyone",
  level: "inline",
  start: (text) => nonNegative(text.indexOf("@everyone")),
  tokenizer(text) {
    const [raw] = /^@everyone\b/.exec(text) ?? [];
    return raw ? { type: "everyone", raw } : undefined;
  },
};

const spoiler: TokenizerExtension = {
  name: "spoiler",
  level: "inline",
  start: (text) => nonNegative(text.indexOf("||")),
  tokenizer(text) {
    const [raw, inner] = /^\|\|([^|](?:[^|]|\|(?!\|))*)\|\|/.exec(text) ?? [];
    return raw && inner ? { type: "spoiler", raw, tokens: this.lexer.inlineTokens(inner) } : undefined;
  },
};

const shortcode: TokenizerExtension = {
  name: "shortcode",
  level: "inline",
  start: (text) => nonNegative(text.search(SHORTCODE)),
  tokenizer(text) {
    const [raw, name] = SHORTCODE_HERE.exec(text) ?? [];
    return raw ? { type: "shortcode", raw, shortcode: name } : undefined;
  },
};

const marked = new Marked({ gfm: true, breaks: true, extensions: [mention, everyone, spoiler, shortcode] });
marked.setOptions({ tokenizer: new ChatTokenizer() });

export function lex(content: string): TokensList {
  return marked.lexer(content);
}

function nonNegative(index: number): number | undefined {
  return index < 0 ? undefined : index;
}
