/** Which addresses a message may link to, and which of them lead back into this app. */
const PROTOCOLS = new Set(["http:", "https:", "mailto:"]);

/** The normalised address; null for `javascript:`, relative ones and everything else that is not http or mail. */
export function safeLink(href: string): string | null {
  // `new URL` would drop control characters, which is how `java\nscript:` gets past others.
  if (/[\u0000-\u0020]/.test(href)) return null;
  const address = URL.canParse(href) ? new URL(href) : null;
  return address && PROTOCOLS.has(address.protocol) ? address.href : null;
}

/** The channel, and message, that a link of this server names. */
export function channelLink(href: string, origin: string): { channelId: string; messageId?: string } | null {
  if (!href.startsWith(`${origin}/c/`)) return null;
  const [, channelId, messageId] = /^\/c\/(\d+)(?:\/(\d+))?$/.exec(href.slice(origin.length)) ?? [];
  return channelId ? { channelId, messageId } : null;
}
