/** floating-ui knows no "inline end": `left` and `right`, mirrored where text runs from right to left. */
import type { Placement } from "@floating-ui/dom";

const OTHER = { left: "right", right: "left" } as const;

export function sideways(side: "left" | "right", align?: "start" | "end"): Placement {
  const rtl = document.documentElement.dir === "rtl";
  const placed = rtl ? OTHER[side] : side;
  return align ? `${placed}-${align}` : placed;
}
