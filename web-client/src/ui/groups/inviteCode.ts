/** Finds the code in what somebody pastes: the code itself, or a link that ends in `/i/{code}`. */
const CODE = /^[A-Za-z0-9_-]{4,64}$/;

export function inviteCode(text: string): string | null {
  const trimmed = text.trim();
  const inLink = /\/i\/([^/?#\s]+)/.exec(trimmed)?.[1];
  const code = inLink ?? trimmed;
  return CODE.test(code) ? code : null;
}
