/** Where one is, and mentions that wait, while the page is not looked at: its title, its icon in the tab, the icon of the installed app. */
const NAME = "VibeTalk";
const ICON = "/favicon.svg";
const ICON_BADGED = "/favicon-badge.svg";

/** `place` is what is open, the nearest first: a tab shows the beginning. */
export function titleOf(mentions: number, place: readonly string[]): string {
  const title = [...place, NAME].join(" · ");
  return mentions > 0 ? `(${mentions > 99 ? "99+" : mentions}) ${title}` : title;
}

export function showBadge(mentions: number, place: readonly string[]): void {
  document.title = titleOf(mentions, place);
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const icon = mentions > 0 ? ICON_BADGED : ICON;
  if (link && link.getAttribute("href") !== icon) link.setAttribute("href", icon);
  if (!("setAppBadge" in navigator)) return;
  const done = mentions > 0 ? navigator.setAppBadge(mentions) : navigator.clearAppBadge();
  // Not installed, or not allowed: the title is enough.
  done.catch(() => {});
}
