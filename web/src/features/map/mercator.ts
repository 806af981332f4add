// Web Mercator: places as x and y from 0 to 1, north at 0, and the part of it that a map shows.

/** Pixels of the whole world at zoom 0. */
export const tile = 256;
export const mostZoom = 17;
/** Where the projection's square ends. */
const mostLatitude = 85.0511;

const clamp = (v: number, low: number, high: number) => Math.max(low, Math.min(high, v));

export const xOf = (longitude: number): number => (longitude + 180) / 360;

export function yOf(latitude: number): number {
  const a = (clamp(latitude, -mostLatitude, mostLatitude) * Math.PI) / 180;
  return clamp(0.5 - Math.log(Math.tan(Math.PI / 4 + a / 2)) / (2 * Math.PI), 0, 1);
}

export const longitudeOf = (x: number): number => x * 360 - 180;

export const latitudeOf = (y: number): number =>
  (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** True for what can be drawn at all. */
export const isPlace = (latitude: unknown, longitude: unknown): boolean =>
  typeof latitude === 'number' &&
  typeof longitude === 'number' &&
  Math.abs(latitude) <= 90 &&
  Math.abs(longitude) <= 180;

/** The middle of a map and how near it is. */
export interface View {
  x: number;
  y: number;
  zoom: number;
}
export interface Size {
  width: number;
  height: number;
}
export interface Bounds {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Pixels of the whole world. */
export const scaleOf = (zoom: number): number => tile * 2 ** zoom;

/** The farthest a map of this size goes: the world fills it. */
export const leastZoom = (size: Size): number =>
  Math.max(0, Math.log2(Math.max(size.width, size.height, 1) / tile));

/** The same view inside the world and its zooms. */
export function inside(view: View, size: Size): View {
  const zoom = clamp(view.zoom, leastZoom(size), mostZoom);
  const halfX = Math.min(0.5, size.width / 2 / scaleOf(zoom));
  const halfY = Math.min(0.5, size.height / 2 / scaleOf(zoom));
  return { x: clamp(view.x, halfX, 1 - halfX), y: clamp(view.y, halfY, 1 - halfY), zoom };
}

/** Moved by pixels, as a hand pulls it. */
export function pulled(view: View, size: Size, dx: number, dy: number): View {
  const scale = scaleOf(view.zoom);
  return inside({ ...view, x: view.x - dx / scale, y: view.y - dy / scale }, size);
}

/** Nearer by `by` zooms; what is at the pixel (px, py) stays there. */
export function zoomed(view: View, size: Size, by: number, px: number, py: number): View {
  const zoom = clamp(view.zoom + by, leastZoom(size), mostZoom);
  const dx = px - size.width / 2;
  const dy = py - size.height / 2;
  const shift = 1 / scaleOf(view.zoom) - 1 / scaleOf(zoom);
  return inside({ x: view.x + dx * shift, y: view.y + dy * shift, zoom }, size);
}

/** The view that shows all of it, with room at the edges. */
export function fitting(b: Bounds, size: Size, most = 12, room = 56): View {
  const width = Math.max(size.width - 2 * room, size.width / 3);
  const height = Math.max(size.height - 2 * room, size.height / 3);
  const zoom = Math.min(
    Math.log2(width / (tile * Math.max(b.right - b.left, 1e-9))),
    Math.log2(height / (tile * Math.max(b.bottom - b.top, 1e-9))),
    most,
  );
  return inside({ x: (b.left + b.right) / 2, y: (b.top + b.bottom) / 2, zoom }, size);
}

/** The part of the world on the screen, `more` pixels around it included. */
export function shownBy(view: View, size: Size, more = 0): Bounds {
  const scale = scaleOf(view.zoom);
  const halfX = (size.width / 2 + more) / scale;
  const halfY = (size.height / 2 + more) / scale;
  return { left: view.x - halfX, right: view.x + halfX, top: view.y - halfY, bottom: view.y + halfY };
}

export const within = (b: Bounds, x: number, y: number): boolean =>
  x >= b.left && x <= b.right && y >= b.top && y <= b.bottom;

/** The pixel of a place. */
export function pixelOf(view: View, size: Size, x: number, y: number): [number, number] {
  const scale = scaleOf(view.zoom);
  return [(x - view.x) * scale + size.width / 2, (y - view.y) * scale + size.height / 2];
}

/** A round distance of at most `most` pixels: its metres and its pixels. */
export function ruler(view: View, most: number): { metres: number; pixels: number } {
  const latitude = (latitudeOf(view.y) * Math.PI) / 180;
  const perPixel = (40_075_017 * Math.cos(latitude)) / scaleOf(view.zoom);
  const room = perPixel * most;
  const power = 10 ** Math.floor(Math.log10(room));
  const metres = [5, 2, 1].map((n) => n * power).find((n) => n <= room) ?? power;
  return { metres, pixels: metres / perPixel };
}

/** `53.5413,9.9841,6.5`: a view in the address. */
export const writeView = (v: View): string =>
  [latitudeOf(v.y).toFixed(4), longitudeOf(v.x).toFixed(4), v.zoom.toFixed(2)].join(',');

export function readView(text: string | null): View | null {
  const parts = (text ?? '').split(',').map(Number);
  const [latitude, longitude, zoom] = parts;
  if (parts.length !== 3 || !isPlace(latitude, longitude) || !(zoom! >= 0 && zoom! <= mostZoom))
    return null;
  return { x: xOf(longitude!), y: yOf(latitude!), zoom: zoom! };
}
