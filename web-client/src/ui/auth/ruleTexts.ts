/** The faults of rules.ts in words; "" if there is none. Signing in asks only that something was typed. */
import { m } from "../../i18n";
import { passwordFault, usernameFault } from "./rules";

export function usernameText(username: string, isNew: boolean): string {
  const fault = usernameFault(username);
  if (fault === "missing") return m.auth_username_missing();
  if (!isNew || fault === null) return "";
  return fault === "characters" ? m.auth_username_characters() : m.auth_username_length();
}

export function passwordText(password: string, isNew: boolean): string {
  const fault = passwordFault(password);
  if (fault === "missing") return m.auth_password_missing();
  if (!isNew || fault === null) return "";
  return fault === "short" ? m.auth_password_short() : m.auth_password_long();
}
