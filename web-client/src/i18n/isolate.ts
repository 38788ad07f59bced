/**
 * Text of people between other words. What reads from right to left, or overrides the direction, must not turn round the
 * sentence it stands in, so it goes between a first strong isolate and its end (Unicode, annex 9).
 */
const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";
const CONTROLS = /[\u2066-\u2069]/g;
/** A new line ends every isolate. */
const LINE_ENDS = /[\n\r\u001c-\u001e\u0085\u2028\u2029]+/g;

/** `value` as a unit with a direction of its own. Numbers and what is empty stay as they are. */
export function isolate(value: unknown): string {
  const text = String(value).replace(LINE_ENDS, " ");
  return typeof value === "number" || text === "" ? text : FIRST_STRONG_ISOLATE + closed(text) + POP_ISOLATE;
}

/** Without ends that belong to no beginning, and with those that are missing: `text` cannot reach out of its isolate. */
function closed(text: string): string {
  let open = 0;
  const kept = text.replace(CONTROLS, (control) => {
    if (control !== POP_ISOLATE) open += 1;
    else if (open === 0) return "";
    else open -= 1;
    return control;
  });
  return kept + POP_ISOLATE.repeat(open);
}
