/**
 * The lexer and the components for what is more than a sentence, in a chunk of their own. Until it has come, messages
 * with marks are shown as they were typed, and again when it has.
 */
import { afterPaint } from "../../state/frame";
import { legible } from "../../state/notify";
import { isPlain } from "./plain";

type Marked = typeof import("./chunk");

let loaded = $state.raw<Marked | null>(null);
let loading = false;

export function loadMarked(): void {
  if (loading) return;
  loading = true;
  load();
}

function load(): void {
  import("./chunk").then(
    (chunk) => (loaded = chunk),
    (error) => {
      console.warn(error);
      loading = false; // The next message with marks asks again.
    },
  );
}

/** Null until it has come; reactive. The messages that ask for it are painted first. */
export function marked(): Marked | null {
  if (!loaded && !loading) {
    loading = true;
    afterPaint(load);
  }
  return loaded;
}

/** The visible text, for quotes, previews and screen readers. Spoilers stay hidden. */
export function plainText(content: string, nameOf: (userId: string) => string): string {
  if (isPlain(content)) return content;
  const chunk = marked();
  return chunk ? chunk.plainText(chunk.parse(content), nameOf) : legible(content, nameOf);
}
