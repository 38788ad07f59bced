/** What can be done with a message, by whom. The toolbar, the menu and the keys all ask here. */
import type { Message } from "../../protocol/contract";

export type MessageAction =
  "react" | "reply" | "edit" | "copyText" | "copyLink" | "copyId" | "pin" | "markUnread" | "delete";

/** What the reader may in the channel. */
export interface Rights {
  send: boolean;
  react: boolean;
  /** Of others, too: delete and pin. In direct channels everybody pins. */
  manage: boolean;
  direct: boolean;
}

export function isSystem(message: Message): boolean {
  return message.type.startsWith("system");
}

export function actionsFor(message: Message, mine: boolean, rights: Rights): MessageAction[] {
  const own = mine && !isSystem(message);
  const possible: [MessageAction, boolean][] = [
    ["react", rights.react],
    ["reply", rights.send && !isSystem(message)],
    ["edit", own],
    ["pin", rights.manage || rights.direct],
    ["markUnread", true],
    ["copyText", message.content !== ""],
    ["copyLink", true],
    ["copyId", true],
    ["delete", own || rights.manage],
  ];
  return possible.filter(([, allowed]) => allowed).map(([action]) => action);
}

/** The key on a focused message, without modifiers. `event.key`, in lower case. */
const KEYS: Record<string, MessageAction> = {
  e: "edit",
  r: "reply",
  "+": "react",
  delete: "delete",
  backspace: "delete",
  p: "pin",
  u: "markUnread",
};

export function actionOfKey(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">,
): MessageAction | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  return KEYS[event.key.toLowerCase()] ?? null;
}
