// The map on its canvas: land, borders, names, sites, devices. One call draws all of it.
import { count } from '@/lib/numbers';
import { worstOf, type Cluster } from './clusters';
import { pixelOf, scaleOf, shownBy, within, type Size, type View } from './mercator';
import { world, type Outlines } from './outlines';

/** A place of its own on the map: a diamond with a name. */
export interface MapSite {
  id: string;
  name: string;
  /** Number of the worst status among its devices; null without any. */
  status: number | null;
  x: number;
  y: number;
}

/** What stands at a place of the screen, for a click on it. */
export type Mark = { px: number; py: number; radius: number } & (
  | { kind: 'site'; site: MapSite }
  | { kind: 'cluster'; cluster: Cluster }
);

export interface Scene {
  view: View;
  size: Size;
  outlines: Outlines | null;
  clusters: readonly Cluster[];
  sites: readonly MapSite[];
  nameOf: (index: number) => string;
  /** Id of the chosen site. */
  site: string | null;
  /** The chosen device, drawn by itself also where it belongs to a cluster. */
  device: { x: number; y: number; status: number; name: string } | null;
}

export interface Paint {
  sea: string;
  land: string;
  line: string;
  ink: string;
  quiet: string;
  surface: string;
  accent: string;
  font: string;
  statuses: readonly string[];
}

/** The theme's colours, read from the page. */
export function paintOf(): Paint {
  const style = getComputedStyle(document.documentElement);
  const css = (name: string) => style.getPropertyValue(name).trim();
  const dark = document.documentElement.dataset.theme === 'dark';
  return {
    sea: css(dark ? '--bg' : '--line'),
    land: css(dark ? '--surface-2' : '--surface'),
    line: css('--line-strong'),
    ink: css('--ink'),
    quiet: css('--ink-3'),
    surface: css('--surface'),
    accent: css('--accent'),
    font: css('--font-ui'),
    statuses: [css('--online'), css('--stale'), css('--offline')],
  };
}

type Context = CanvasRenderingContext2D;

/** The shape of a status, as everywhere: a dot, a ring, a square. */
function shape(c: Context, p: Paint, status: number, x: number, y: number, r: number): void {
  c.beginPath();
  if (status === 2) c.rect(x - r, y - r, 2 * r, 2 * r);
  else c.arc(x, y, r, 0, 2 * Math.PI);
  c.lineWidth = 2;
  c.strokeStyle = p.surface;
  c.stroke();
  c.fillStyle = status === 1 ? p.surface : p.statuses[status]!;
  c.fill();
  if (status !== 1) return;
  c.beginPath();
  c.arc(x, y, r - 1, 0, 2 * Math.PI);
  c.lineWidth = 2.5;
  c.strokeStyle = p.statuses[1]!;
  c.stroke();
}

/** Text that stays readable over lines. */
function text(c: Context, p: Paint, words: string, x: number, y: number, colour = p.ink): void {
  c.lineJoin = 'round';
  c.lineWidth = 3;
  c.strokeStyle = p.surface;
  c.strokeText(words, x, y);
  c.fillStyle = colour;
  c.fillText(words, x, y);
}

const radiusOf = (n: number) => Math.min(26, 11 + 3.2 * Math.log10(n) ** 1.4 + (n > 1 ? 2 : 0));

/** A ring with the share of each status, the count inside, the shape of the worst beside it. */
function cluster(c: Context, p: Paint, k: Cluster, x: number, y: number): number {
  const r = radiusOf(k.count);
  c.beginPath();
  c.arc(x, y, r, 0, 2 * Math.PI);
  c.fillStyle = p.surface;
  c.fill();
  let from = -Math.PI / 2;
  k.by.forEach((n, status) => {
    if (n === 0) return;
    const to = from + (2 * Math.PI * n) / k.count;
    c.beginPath();
    c.arc(x, y, r - 1.5, from, to);
    c.lineWidth = 3.5;
    c.strokeStyle = p.statuses[status]!;
    c.stroke();
    from = to;
  });
  c.font = `600 11px ${p.font}`;
  c.fillStyle = p.ink;
  c.fillText(k.count < 10_000 ? count(k.count) : `${Math.round(k.count / 1000)}k`, x, y + 0.5);
  const worst = worstOf(k);
  if (worst > 0) shape(c, p, worst, x + r * 0.78, y - r * 0.78, 4);
  return r;
}

function ground(c: Context, p: Paint, { view, size, outlines }: Scene, ratio: number): void {
  c.fillStyle = p.sea;
  c.fillRect(0, 0, size.width, size.height);
  if (!outlines) return;
  const scale = scaleOf(view.zoom);
  const k = (scale / world) * ratio;
  const [x, y] = pixelOf(view, size, 0, 0);
  c.save();
  c.setTransform(k, 0, 0, k, x * ratio, y * ratio);
  c.fillStyle = p.land;
  c.fill(outlines.land);
  c.lineWidth = (0.8 * ratio) / k;
  c.strokeStyle = p.line;
  c.stroke(outlines.borders);
  c.restore();
  c.font = `11px ${p.font}`;
  for (const label of outlines.labels) {
    const room = label.width * scale;
    if (room < 110 || room > 2600) continue;
    const [px, py] = pixelOf(view, size, label.x, label.y);
    if (px < -60 || py < 0 || px > size.width + 60 || py > size.height) continue;
    c.fillStyle = p.quiet;
    c.fillText(label.name, px, py);
  }
}

/** Draws the scene; answers what can be clicked, the topmost last. */
export function draw(canvas: HTMLCanvasElement, scene: Scene, p: Paint): Mark[] {
  const { view, size } = scene;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(size.width * ratio)) canvas.width = Math.round(size.width * ratio);
  if (canvas.height !== Math.round(size.height * ratio)) canvas.height = Math.round(size.height * ratio);
  const c = canvas.getContext('2d');
  if (!c) return [];
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  ground(c, p, scene, ratio);

  const marks: Mark[] = [];
  const shown = shownBy(view, size, 40);
  for (const site of scene.sites) {
    if (!within(shown, site.x, site.y)) continue;
    const [px, py] = pixelOf(view, size, site.x, site.y);
    c.save();
    c.translate(px, py);
    c.rotate(Math.PI / 4);
    c.fillStyle = site.status === null ? p.surface : p.statuses[site.status]!;
    c.strokeStyle = scene.site === site.id ? p.accent : p.ink;
    c.lineWidth = scene.site === site.id ? 3 : 1.5;
    c.fillRect(-5, -5, 10, 10);
    c.strokeRect(-5, -5, 10, 10);
    c.restore();
    if (view.zoom >= 3.5) {
      c.font = `500 11px ${p.font}`;
      text(c, p, site.name, px, py + 22);
    }
    marks.push({ kind: 'site', site, px, py, radius: 12 });
  }
  const single: Cluster[] = [];
  for (const k of scene.clusters) {
    if (!within(shown, k.x, k.y)) continue;
    if (k.count === 1) {
      single.push(k);
      continue;
    }
    const [px, py] = pixelOf(view, size, k.x, k.y);
    marks.push({ kind: 'cluster', cluster: k, px, py, radius: cluster(c, p, k, px, py) });
  }
  const named = view.zoom >= 9 && single.length < 60;
  for (const k of single) {
    const [px, py] = pixelOf(view, size, k.x, k.y);
    shape(c, p, worstOf(k), px, py, 5.5);
    if (named) {
      c.font = `11px ${p.font}`;
      text(c, p, scene.nameOf(k.first), px, py - 16);
    }
    marks.push({ kind: 'cluster', cluster: k, px, py, radius: 11 });
  }
  const chosen = scene.device;
  if (chosen) {
    const [px, py] = pixelOf(view, size, chosen.x, chosen.y);
    shape(c, p, chosen.status, px, py, 7);
    c.beginPath();
    c.arc(px, py, 12, 0, 2 * Math.PI);
    c.lineWidth = 2;
    c.strokeStyle = p.accent;
    c.stroke();
    c.font = `600 11px ${p.font}`;
    text(c, p, chosen.name, px, py - 22);
  }
  return marks;
}

/** The topmost mark at a pixel. */
export const markAt = (marks: readonly Mark[], px: number, py: number): Mark | undefined =>
  marks.findLast((m) => Math.hypot(m.px - px, m.py - py) <= m.radius + 3);

