// What the charts show, as files: CSV of the drawn points, PNG of the pictures.
import { csv } from '@/lib/csv';
import type { Columns } from '@/lib/series';

export interface Drawn {
  key: string;
  name: string;
  unit: string | null;
  columns: Columns;
}

const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

/**
 * The drawn points between `from` and `to` (seconds), one line a moment. A metric whose points stand
 * for single messages has one column, a bucketed one four.
 */
export function chartsCsv(drawn: readonly Drawn[], from: number, to: number): string {
  const head = ['time'];
  const lines = new Map<number, unknown[]>();
  for (const { key, unit, columns: c } of drawn) {
    const label = unit ? `${key} (${unit})` : key;
    const single = c.count.every((n) => n <= 1);
    const at = head.length;
    head.push(...(single ? [label] : [`${label} avg`, `${label} min`, `${label} max`, `${key} count`]));
    for (let i = 0; i < c.time.length; i += 1) {
      const t = c.time[i]!;
      if (t < from || t > to || c.avg[i] === null) continue;
      const line = lines.get(t) ?? [iso(t)];
      lines.set(t, line);
      line[at] = c.avg[i];
      if (single) continue;
      line[at + 1] = c.min[i];
      line[at + 2] = c.max[i];
      line[at + 3] = c.count[i];
    }
  }
  const rows = [...lines.entries()]
    .sort((a, b) => a[0] - b[0])
    .map(([, line]) => Array.from(head, (_, i) => line[i] ?? null));
  return csv(head, rows);
}

/** A file's name that says device and span. */
export function exportName(device: string, from: number, to: number, ending: string): string {
  const part = (s: number) => iso(s).slice(0, 19).replaceAll(':', '');
  return `${device}_${part(from)}Z_${part(to)}Z.${ending}`;
}

/** The charts inside `root` as one picture, with names and figures, on the theme's ground. */
export function chartsPng(root: HTMLElement, title: string): Promise<Blob> {
  const scale = window.devicePixelRatio || 1;
  const style = getComputedStyle(document.documentElement);
  const css = (name: string) => style.getPropertyValue(name).trim();
  const charts = [...root.querySelectorAll<HTMLElement>('[data-chart]')].flatMap((figure) => {
    const canvas = figure.querySelector('canvas');
    const parts = [...figure.querySelectorAll<HTMLElement>('[data-caption]')];
    return canvas ? [{ canvas, words: parts.map((p) => p.innerText.replace(/\s+/g, ' ')) }] : [];
  });
  const pad = 12 * scale;
  const line = 22 * scale;
  const out = document.createElement('canvas');
  out.width = Math.max(...charts.map((c) => c.canvas.width), 300 * scale) + 2 * pad;
  out.height = charts.reduce((sum, c) => sum + line + c.canvas.height + pad, line + 2 * pad);
  const ctx = out.getContext('2d');
  if (!ctx) return Promise.reject(new Error('This browser can draw no picture.'));
  ctx.fillStyle = css('--surface');
  ctx.fillRect(0, 0, out.width, out.height);
  ctx.textBaseline = 'middle';
  const write = (text: string, x: number, y: number, bold: boolean, align: CanvasTextAlign) => {
    ctx.font = `${bold ? 600 : 400} ${12 * scale}px ${css('--font-ui')}`;
    ctx.fillStyle = css(bold ? '--ink' : '--ink-2');
    ctx.textAlign = align;
    ctx.fillText(text, x, y);
  };
  write(title, pad, pad + line / 2, true, 'left');
  let y = pad + line;
  for (const { canvas, words } of charts) {
    write(words[0] ?? '', pad, y + line / 2, true, 'left');
    write(words[1] ?? '', out.width - pad, y + line / 2, false, 'right');
    ctx.drawImage(canvas, pad, y + line);
    y += line + canvas.height + pad;
  }
  return new Promise((done, failed) =>
    out.toBlob((blob) => (blob ? done(blob) : failed(new Error('The picture could not be made.'))), 'image/png'),
  );
}
