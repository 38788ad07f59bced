/** Mentions that wait, where the page is not looked at: its title, its icon in the tab, the icon of the installed app. */
const NAME = "VibeTalk";
const ICON = "/favicon.svg";
const ICON_BADGED = "/favicon-badge.svg";

export function titleOf(mentions: number): string {
  return mentions > 0 ? `(${mentions > 99 ? "99+" : mentions}) ${NAME}` : NAME;
}

export function showBadge(mentions: number): void {
  document.title = titleOf(mentions);
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const icon = mentions > 0 ? ICON_BADGED : ICON;
  if (link && link.getAttribute("href") !== icon) link.setAttribute("href", icon);
  if (!("setAppBadge" in navigator)) return;
  const done = mentions > 0 ? navigator.setAppBadge(mentions) : navigator.clearAppBadge();
  // Not installed, or not allowed: the title is enough.
  done.catch(() => {});
}
