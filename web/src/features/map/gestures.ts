// What hands do to a map: pull, pinch, wheel, double click, click. Knows nothing of what is drawn.

export interface Gestures {
  onPull: (dx: number, dy: number) => void;
  /** Nearer (positive) or farther at a pixel, in zooms. */
  onZoom: (by: number, px: number, py: number) => void;
  onClick: (px: number, py: number) => void;
  onHover: (px: number, py: number) => void;
}

/** Pixels that a press may move and still be a click. */
const slack = 5;

/** Listens on the element; answers how to stop. */
export function listen(element: HTMLElement, to: Gestures): () => void {
  const down = new Map<number, { x: number; y: number }>();
  let moved = 0;
  const at = (e: MouseEvent): [number, number] => {
    const box = element.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  };
  const start = (e: PointerEvent) => {
    if (e.button !== 0) return;
    if (down.size === 0) moved = 0;
    const [x, y] = at(e);
    down.set(e.pointerId, { x, y });
    element.setPointerCapture(e.pointerId);
  };
  const move = (e: PointerEvent) => {
    const [x, y] = at(e);
    const old = down.get(e.pointerId);
    if (!old) {
      if (e.pointerType === 'mouse') to.onHover(x, y);
      return;
    }
    down.set(e.pointerId, { x, y });
    moved += Math.hypot(x - old.x, y - old.y);
    if (moved <= slack) return;
    const other = [...down].find(([id]) => id !== e.pointerId)?.[1];
    if (!other) {
      to.onPull(x - old.x, y - old.y);
      return;
    }
    // Two fingers: what is between them stays between them.
    const before = Math.hypot(old.x - other.x, old.y - other.y);
    const after = Math.hypot(x - other.x, y - other.y);
    to.onPull((x - old.x) / 2, (y - old.y) / 2);
    if (before > 0 && after > 0)
      to.onZoom(Math.log2(after / before), (x + other.x) / 2, (y + other.y) / 2);
  };
  const end = (e: PointerEvent) => {
    if (!down.delete(e.pointerId)) return;
    if (e.type === 'pointerup' && down.size === 0 && moved <= slack) to.onClick(...at(e));
  };
  const wheel = (e: WheelEvent) => {
    e.preventDefault();
    const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    // A pinch on a touchpad comes as a wheel with ctrl, in smaller steps.
    const pace = e.ctrlKey ? 0.01 : 0.0025;
    to.onZoom(Math.max(-1, Math.min(1, -e.deltaY * lines * pace)), ...at(e));
  };
  const twice = (e: MouseEvent) => to.onZoom(e.shiftKey ? -1 : 1, ...at(e));
  element.addEventListener('pointerdown', start);
  element.addEventListener('pointermove', move);
  element.addEventListener('pointerup', end);
  element.addEventListener('pointercancel', end);
  element.addEventListener('wheel', wheel, { passive: false });
  element.addEventListener('dblclick', twice);
  return () => {
    element.removeEventListener('pointerdown', start);
    element.removeEventListener('pointermove', move);
    element.removeEventListener('pointerup', end);
    element.removeEventListener('pointercancel', end);
    element.removeEventListener('wheel', wheel);
    element.removeEventListener('dblclick', twice);
  };
}
