/** The message catalogue: `m.sign_in()`. Compiled from `messages/{locale}/*.json`. */
export { m } from "./generated/messages.js";
export { isolate } from "./isolate";
export { getLocale, locales, setLocale } from "./generated/runtime.js";
