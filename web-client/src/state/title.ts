/** The title of the page: how many mentions wait, and where the reader is. */
export function titleText(app: string, mentions: number, place?: string | null): string {
  const name = place ? `${place} | ${app}` : app;
  return mentions > 0 ? `(${mentions}) ${name}` : name;
}

/** The number on the icon of an installed app. */
export function setAppBadge(mentions: number): void {
  if (!("setAppBadge" in navigator)) return;
  // Refused where the app is not installed, which is no loss.
  const done = mentions > 0 ? navigator.setAppBadge(mentions) : navigator.clearAppBadge();
  done.catch(() => {});
}
