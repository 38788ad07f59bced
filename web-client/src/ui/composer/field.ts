/** Changes the text field the way a person would, so that undo still works. */
import type { Edit } from "./formatting";

export function applyEdit(field: HTMLTextAreaElement, edit: Edit): void {
  field.focus();
  field.setSelectionRange(edit.start, edit.end);
  insertText(field, edit.insert);
  field.setSelectionRange(edit.selectionStart, edit.selectionEnd);
}

/** Over the selection; the caret ends up behind it. */
export function insertText(field: HTMLTextAreaElement, text: string): void {
  field.focus();
  // Deprecated without a successor: nothing else keeps the history of undo.
  if (document.execCommand(text === "" ? "delete" : "insertText", false, text)) return;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

/** For browsers without `field-sizing: content`. */
export function fitHeight(field: HTMLTextAreaElement): void {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight}px`;
}
