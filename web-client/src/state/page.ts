/** What timelines ask of the page they are shown on. */

export function focused(): boolean {
  return !document.hidden && document.hasFocus();
}

export function onHidden(callback: () => void): () => void {
  const listener = () => {
    if (document.hidden) callback();
  };
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}
