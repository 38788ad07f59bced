/**
 * The words on the screen, from the client's own message catalogue: a test asks for a key, so that it survives a better
 * wording and can read the page in any language.
 */
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../web-client/messages/', import.meta.url);
const byLanguage = new Map();

function load(language) {
  const folder = new URL(`${language}/`, FOLDER);
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return Object.assign({}, ...files.map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))));
}

/** What isolates a name from the sentence around it; the pages put it round every value. */
const ISOLATE = '[\\u2066-\\u2069]*';

/**
 * What `key` looks like: a regular expression for the whole text (ignoring case). A parameter that is not given, and a
 * plural, match whatever stands there.
 */
export function text(key, parameters = {}, language = 'en') {
  if (!byLanguage.has(language)) byLanguage.set(language, load(language));
  const message = byLanguage.get(language)[key];
  if (message === undefined) throw new Error(`the catalogue of ${language} has no ${key}`);
  const forms = typeof message === 'string' ? [message] : message.flatMap((one) => Object.values(one.match));
  return new RegExp(`^(?:${forms.map((form) => pattern(form, parameters)).join('|')})$`, 'i');
}

/** The same for text in the midst of other text. */
export function textPart(key, parameters, language) {
  return new RegExp(text(key, parameters, language).source.slice(1, -1), 'i');
}

/** The same for where more may follow, as the shortcut behind a menu's words. */
export function textStart(key, parameters, language) {
  return new RegExp(text(key, parameters, language).source.slice(0, -1), 'i');
}

function pattern(form, parameters) {
  return form.split(/(#?\{\w+\})/).map((part) => {
    const [, mark, name] = /^(#?)\{(\w+)\}$/.exec(part) ?? [];
    if (!name) return escape(part);
    return ISOLATE + mark + (name in parameters ? escape(String(parameters[name])) : '.*') + ISOLATE;
  }).join('');
}

export function escape(literal) {
  return literal.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
