/** Puts Markdown around the selection, or takes it away. */
export interface Edit {
  /** Replaces `text.slice(start, end)`. */
  start: number;
  end: number;
  insert: string;
  selectionStart: number;
  selectionEnd: number;
}

export function toggleMark(text: string, start: number, end: number, mark: string): Edit {
  const size = mark.length;
  const inside = text.slice(start, end);
  const around = text.slice(start - size, start) === mark && text.slice(end, end + size) === mark;
  if (around) return edit(start - size, end + size, inside, start - size, end - size);
  if (inside.length > 2 * size && inside.startsWith(mark) && inside.endsWith(mark)) {
    return edit(start, end, inside.slice(size, -size), start, end - 2 * size);
  }
  return edit(start, end, mark + inside + mark, start + size, end + size);
}

/** A pasted address on marked words links them. */
export function linkSelection(text: string, start: number, end: number, pasted: string): Edit | null {
  const words = text.slice(start, end);
  if (words.trim() === "" || /[\n\]]/.test(words) || !/^https?:\/\/\S+$/.test(pasted)) return null;
  const insert = `[${words}](${pasted})`;
  return edit(start, end, insert, start + insert.length, start + insert.length);
}

/** `Ctrl+B` and so on; `key` in lower case. */
export function markOfKey(key: string, shift: boolean): string | null {
  if (shift) return key === "x" ? "~~" : null;
  return { b: "**", i: "*", e: "`" }[key] ?? null;
}

function edit(
  start: number,
  end: number,
  insert: string,
  selectionStart: number,
  selectionEnd: number,
): Edit {
  return { start, end, insert, selectionStart, selectionEnd };
}
