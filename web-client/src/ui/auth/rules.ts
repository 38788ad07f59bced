/** What the server asks of names and passwords (docs/protocol.md), said while typing instead of after sending. */
export const USERNAME_CHARS_MIN = 3;
export const USERNAME_CHARS_MAX = 32;
export const PASSWORD_CHARS_MIN = 8;
export const PASSWORD_CHARS_MAX = 256;
export const DISPLAY_NAME_CHARS_MAX = 64;

export type UsernameFault = "missing" | "short" | "long" | "characters";
export type PasswordFault = "missing" | "short" | "long";

export function usernameFault(username: string): UsernameFault | null {
  if (username === "") return "missing";
  if (!/^[A-Za-z0-9_.-]*$/.test(username)) return "characters";
  if (username.length < USERNAME_CHARS_MIN) return "short";
  return username.length > USERNAME_CHARS_MAX ? "long" : null;
}

export function passwordFault(password: string): PasswordFault | null {
  if (password === "") return "missing";
  // Characters are Unicode scalar values of the normalised text, as on the server.
  const chars = [...password.normalize("NFC")].length;
  if (chars < PASSWORD_CHARS_MIN) return "short";
  return chars > PASSWORD_CHARS_MAX ? "long" : null;
}
