/** Why a message was not sent, in the words of the composer where the general ones would mislead. */
import { m } from "../../i18n";
import { failureText, type FailureCode } from "../failure";

const HERE: Partial<Record<FailureCode, () => string>> = {
  forbidden: () => m.chat_send_forbidden(),
  too_large: () => m.chat_send_too_large(),
  message_not_found: () => m.chat_reply_gone(),
  channel_not_found: () => m.chat_channel_gone(),
};

export function sendFailureText(code: FailureCode | undefined): string {
  return failureText(Object.assign(new Error(), { code }), HERE);
}
