/** What the server takes as a picture: an https address, or a path of an attachment (docs/protocol.md). */
const PICTURE_CHARS_MAX = 300;

export function pictureFault(address: string): boolean {
  if (address === "") return false;
  if (address.length > PICTURE_CHARS_MAX) return true;
  if (address.startsWith("/api/v1/attachments/")) return false;
  return !URL.canParse(address) || new URL(address).protocol !== "https:";
}
