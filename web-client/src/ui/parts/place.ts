/** Where a tooltip stands: over its anchor, or beside it where there is no room. In the chunk of what floats. */
import { computePosition, flip, offset, shift, type Placement } from "@floating-ui/dom";

export async function placeTip(anchor: Element, tip: HTMLElement, placement: Placement): Promise<void> {
  const { x, y } = await computePosition(anchor, tip, {
    placement,
    strategy: "fixed",
    middleware: [offset(8), flip(), shift({ padding: 8 })],
  });
  Object.assign(tip.style, { left: `${x}px`, top: `${y}px` });
}
