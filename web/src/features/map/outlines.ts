// Coasts and borders of the world as paths, shipped with the application: no tile server is asked.
import type { GeometryCollection, Topology } from 'topojson-specification';
import { feature, mesh } from 'topojson-client';
import coarse from 'world-atlas/countries-110m.json?url';
import fine from 'world-atlas/countries-50m.json?url';
import { xOf, yOf } from './mercator';

/** Path coordinates: the world is this wide, so that a path's single precision is enough for all zooms. */
export const world = 4096;
/** From this zoom on the coarse coasts look broken. */
const fineFrom = 3.5;
/** Milliseconds until outlines that did not come are asked for again. */
const retryAfter = 5000;

export interface Label {
  name: string;
  x: number;
  y: number;
  /** How wide its largest part is, as a share of the world. */
  width: number;
}
export interface Outlines {
  land: Path2D;
  borders: Path2D;
  labels: Label[];
}

type Ring = readonly (readonly number[])[];

function trace(path: Path2D, line: Ring, close: boolean): void {
  line.forEach(([lon, lat], i) => {
    const x = xOf(lon!) * world;
    const y = yOf(lat!) * world;
    if (i === 0) path.moveTo(x, y);
    else path.lineTo(x, y);
  });
  if (close) path.closePath();
}

/** Where a country's name stands: the middle of its largest part. */
function labelOf(name: string, polygons: readonly (readonly Ring[])[]): Label | null {
  let best: Label | null = null;
  for (const [outer] of polygons) {
    if (!outer) continue;
    const xs = outer.map((p) => xOf(p[0]!));
    const ys = outer.map((p) => yOf(p[1]!));
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    if (right - left <= (best?.width ?? 0)) continue;
    best = { name, x: (left + right) / 2, y: (Math.min(...ys) + Math.max(...ys)) / 2, width: right - left };
  }
  return best;
}

async function read(address: string): Promise<Outlines> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The outlines of the map could not be loaded (${answer.status}).`);
  const atlas = (await answer.json()) as Topology;
  const countries = atlas.objects.countries as GeometryCollection<{ name: string }>;
  const out: Outlines = { land: new Path2D(), borders: new Path2D(), labels: [] };
  for (const { geometry, properties } of feature(atlas, countries).features) {
    if (geometry.type !== 'Polygon' && geometry.type !== 'MultiPolygon') continue;
    const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
    for (const rings of polygons) for (const ring of rings) trace(out.land, ring, true);
    const label = labelOf(properties.name, polygons);
    if (label) out.labels.push(label);
  }
  for (const line of mesh(atlas, countries).coordinates) trace(out.borders, line, false);
  return out;
}

const loaded = new Map<string, Outlines>();
const loading = new Map<string, Promise<void>>();

/**
 * The outlines for this zoom, the coarse ones while the fine are on their way, null before any. `arrived` is
 * called when there are better ones.
 */
export function outlinesFor(zoom: number, arrived: (error?: unknown) => void): Outlines | null {
  const wanted = zoom >= fineFrom ? fine : coarse;
  const ready = loaded.get(wanted);
  if (ready) return ready;
  if (!loading.has(wanted))
    loading.set(
      wanted,
      read(wanted).then(
        (outlines) => {
          loaded.set(wanted, outlines);
          arrived();
        },
        (error: unknown) => {
          setTimeout(() => loading.delete(wanted), retryAfter);
          arrived(error);
        },
      ),
    );
  return loaded.get(coarse) ?? null;
}
