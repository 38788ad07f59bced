/**
 * Files cannot be sent yet, which is said when one is dropped or pasted. A browser opens what is dropped where nothing
 * takes it, in place of this page: so the whole page takes it, and does nothing with it. Text may be dropped where text
 * can be written.
 */
import { m } from "../i18n";
import { toasts } from "./parts/toasts.svelte";

const EDITABLE = "textarea, input, [contenteditable]";

export function dragover(event: DragEvent): void {
  if (isText(event)) return;
  event.preventDefault();
  if (event.dataTransfer && !hasFiles(event.dataTransfer)) event.dataTransfer.dropEffect = "none";
}

export function drop(event: DragEvent): void {
  if (isText(event)) return;
  event.preventDefault();
  if (event.dataTransfer && hasFiles(event.dataTransfer)) refuse();
}

/** A table of a spreadsheet comes as text and as a picture: the text is what is wanted. */
export function paste({ clipboardData }: ClipboardEvent): void {
  if (clipboardData && hasFiles(clipboardData) && !clipboardData.types.includes("text/plain")) refuse();
}

function isText({ dataTransfer, target }: DragEvent): boolean {
  return !!dataTransfer && !hasFiles(dataTransfer) && target instanceof Element && target.matches(EDITABLE);
}

function hasFiles({ types }: DataTransfer): boolean {
  return types.includes("Files");
}

function refuse(): void {
  toasts.show({ text: m.files_refused() });
}
