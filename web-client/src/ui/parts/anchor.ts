/** Where something floats: at an element, or at a point of the window (context menus). */
export type Anchor = Element | { x: number; y: number };
