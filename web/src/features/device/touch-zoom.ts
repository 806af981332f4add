// Drag to zoom by finger: uPlot itself listens to the mouse alone.
import type uPlot from 'uplot';

/** Narrower drags are taps. */
const least = 12;

/** Lets a finger draw the selection; up and down still scrolls the page. Answers how to stop. */
export function touchZoom(u: uPlot): () => void {
  const area = u.over;
  area.style.touchAction = 'pan-y';
  let start: number | null = null;
  const at = (e: PointerEvent) => {
    const box = area.getBoundingClientRect();
    return {
      left: Math.max(0, Math.min(box.width, e.clientX - box.left)),
      top: Math.max(0, Math.min(box.height, e.clientY - box.top)),
    };
  };
  const select = (a: number, b: number, tell: boolean) =>
    u.setSelect({ left: Math.min(a, b), width: Math.abs(b - a), top: 0, height: area.clientHeight }, tell);
  const down = (e: PointerEvent) => {
    start = e.pointerType === 'touch' && e.isPrimary ? at(e).left : null;
  };
  const move = (e: PointerEvent) => {
    if (start === null || !e.isPrimary) return;
    const p = at(e);
    select(start, p.left, false);
    u.setCursor(p);
  };
  const up = (e: PointerEvent) => {
    if (start === null || !e.isPrimary) return;
    const from = start;
    const { left } = at(e);
    start = null;
    if (Math.abs(left - from) >= least) select(from, left, true);
    else select(0, 0, false);
  };
  const cancel = () => {
    if (start !== null) select(0, 0, false);
    start = null;
  };
  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: cancel };
  for (const [name, listener] of Object.entries(listeners))
    area.addEventListener(name, listener as EventListener);
  return () => {
    for (const [name, listener] of Object.entries(listeners))
      area.removeEventListener(name, listener as EventListener);
  };
}
