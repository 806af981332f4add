// One metric over time on a canvas: line, min/max band, gaps as gaps, cursor shared with the
// charts above and below, drag to zoom.
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useTheme } from '@/lib/theme';
import { figures, gaps, withGaps, type Columns } from '@/lib/series';
import { axisLabels, decimalsOf, withUnit, value as format } from '@/lib/numbers';
import { clock, dayAndMinute } from '@/lib/time';
import { touchZoom } from './touch-zoom';

/** A value that means something: a rule's threshold, or an end of what is expected. */
export interface ChartLine {
  value: number;
  label: string;
  tone: 'critical' | 'warning' | 'ink-3';
  /** The chart is made to hold it, however far away it is. */
  fit?: boolean;
}

export interface ChartProps {
  columns: Columns;
  /** Raised when `columns` has changed in place or the window has moved. */
  version: number;
  from: number;
  to: number;
  bucketSeconds: number;
  name: string;
  unit: string | null;
  digits: number;
  /** Number of the series colour, 1 to 6. */
  colour: number;
  height: number;
  /** The device's present value where the range ends now, else undefined. */
  now: number | boolean | undefined;
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
  lines?: readonly ChartLine[];
  /** Times (seconds) that are shaded: when an alert was open, or would have been. */
  shades?: readonly (readonly [number, number])[];
}

const none: readonly never[] = [];

/** The scale with room for lines that are near, and for those that must be seen. */
function withLines(low: number, high: number, lines: readonly ChartLine[]): [number, number] {
  const near = high - low || Math.abs(high) * 0.1 || 1;
  const held = lines
    .filter((l) => l.fit || (l.value > low - near && l.value < high + near))
    .map((l) => l.value);
  return [Math.min(low, ...held), Math.max(high, ...held)];
}

/** Dashed, with its label over its right end. */
function drawLines(u: uPlot, lines: readonly ChartLine[]): void {
  const { ctx, bbox } = u;
  const { min, max } = u.scales.y!;
  ctx.save();
  ctx.font = `${10 * devicePixelRatio}px ${css('--font-ui')}`;
  ctx.textAlign = 'right';
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  let lastLabel = Infinity;
  for (const line of [...lines].sort((a, b) => a.value - b.value)) {
    if (min == null || max == null || line.value < min || line.value > max) continue;
    const y = u.valToPos(line.value, 'y', true);
    ctx.strokeStyle = css(`--${line.tone}`);
    ctx.fillStyle = css(`--${line.tone}`);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    // Labels that would lie on each other: the lowest of them stays.
    if (lastLabel - y < 12 * devicePixelRatio) continue;
    lastLabel = y;
    const over = y - bbox.top > 14 * devicePixelRatio;
    ctx.fillText(line.label, bbox.left + bbox.width - 4, over ? y - 5 * devicePixelRatio : y + 11 * devicePixelRatio);
  }
  ctx.restore();
}

const css = (name: string) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const two = (n: number) => String(n).padStart(2, '0');

/** Labels of the time axis: days, minutes or seconds, in the user's zone, 24-hour clock. */
function timeLabels(_u: uPlot, splits: number[], _axis: number, _space: number, step: number) {
  return splits.map((s) => {
    const t = new Date(s * 1000);
    const midnight = t.getHours() === 0 && t.getMinutes() === 0 && t.getSeconds() === 0;
    if (step >= 86_400 || midnight)
      return `${t.getDate()} ${t.toLocaleString('en', { month: 'short' })}`;
    const minute = `${two(t.getHours())}:${two(t.getMinutes())}`;
    return step < 60 ? `${minute}:${two(t.getSeconds())}` : minute;
  });
}

type Data = [number[], (number | null)[], (number | null)[], (number | null)[]];

export function Chart(props: ChartProps) {
  const { columns, version, from, to, bucketSeconds, name, unit, colour, height, now } = props;
  const { lines = none, shades = none } = props;
  // Readings say themselves how exact they are; the sensor's precision is the most.
  const digits = decimalsOf(typeof now === 'number' ? [...columns.max, now] : columns.max, props.digits);
  const holder = useRef<HTMLDivElement>(null);
  const cursor = useRef<HTMLSpanElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  const holes = useRef<[number, number][]>([]);
  const theme = useTheme();
  useEffect(() => {
    latest.current = { ...props, digits };
  });

  useEffect(() => {
    const node = holder.current;
    if (!node) return;
    const line = css(`--series-${colour}`);
    const ink = css('--ink-3');
    const grid = css('--line');
    const font = `11px ${css('--font-ui')}`;
    const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };

    const u = new uPlot(
      {
        width: node.clientWidth,
        height,
        // To the right there is room for half of the last label.
        padding: [8, 24, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: true, auto: false },
          y: {
            range: (_u, low, high) => {
              if (low === null || high === null) return [0, 1];
              const [bottom, top] = withLines(low, high, latest.current.lines ?? none);
              const room = (top - bottom || Math.abs(top) * 0.02 || 1) * 0.08;
              return [bottom - room, top + room];
            },
          },
        },
        cursor: {
          y: false,
          sync: { key: 'device-charts', scales: ['x', null] },
          drag: { x: true, y: false, setScale: false },
          points: { size: 7, fill: line },
          bind: {
            dblclick: () => () => {
              latest.current.onReset();
              return null;
            },
          },
        },
        series: [
          {},
          { show: true, width: 0, points: { show: false } },
          { show: true, width: 0, points: { show: false } },
          { stroke: line, width: 1.5, spanGaps: false, points: { size: 4, fill: line } },
        ],
        bands: [{ series: [1, 2], fill: `color-mix(in srgb, ${line} 16%, transparent)` }],
        axes: [
          { ...axis, space: 80, size: 26, values: timeLabels, grid: { show: false } },
          {
            ...axis,
            size: 54,
            space: 34,
            values: (_u, splits, _axis, _space, step) => axisLabels(splits, step),
          },
        ],
        hooks: {
          drawClear: [
            (self) => {
              const { ctx, bbox } = self;
              ctx.save();
              ctx.beginPath();
              ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
              ctx.clip();
              ctx.font = `${11 * devicePixelRatio}px ${css('--font-ui')}`;
              ctx.textAlign = 'center';
              ctx.fillStyle = css('--critical-soft');
              for (const [a, b] of latest.current.shades ?? none) {
                const left = self.valToPos(a, 'x', true);
                const width = Math.max(2 * devicePixelRatio, self.valToPos(b, 'x', true) - left);
                ctx.fillRect(left, bbox.top, width, bbox.height);
              }
              for (const [a, b] of holes.current) {
                const left = self.valToPos(a, 'x', true);
                const right = self.valToPos(b, 'x', true);
                ctx.fillStyle = css('--surface-2');
                ctx.fillRect(left, bbox.top, right - left, bbox.height);
                const low = Math.max(left, bbox.left);
                const high = Math.min(right, bbox.left + bbox.width);
                if (high - low < 46 * devicePixelRatio) continue;
                ctx.fillStyle = ink;
                ctx.fillText('no data', (low + high) / 2, bbox.top + bbox.height / 2);
              }
              ctx.restore();
            },
          ],
          draw: [(self) => drawLines(self, latest.current.lines ?? none)],
          setSelect: [
            (self) => {
              const { left, width } = self.select;
              if (width < 5) return;
              const a = self.posToVal(left, 'x');
              const b = self.posToVal(left + width, 'x');
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              latest.current.onZoom(a, b);
            },
          ],
          setCursor: [
            (self) => {
              const i = self.cursor.idx;
              if (!cursor.current) return;
              const t = i === null || i === undefined ? undefined : self.data[0][i];
              const v = i === null || i === undefined ? null : self.data[3]![i];
              const p = latest.current;
              cursor.current.textContent =
                t === undefined || v === null || v === undefined || (self.cursor.left ?? -1) < 0
                  ? ''
                  : `${withUnit(v, p.unit, p.digits)} at ${p.to - p.from > 86_400 ? dayAndMinute(t * 1000) : clock(new Date(t * 1000).toISOString())}`;
            },
          ],
        },
      },
      [[], [], [], []] as unknown as uPlot.AlignedData,
      node,
    );
    plot.current = u;
    const watcher = new ResizeObserver(() => {
      if (node.clientWidth > 0) u.setSize({ width: node.clientWidth, height });
    });
    watcher.observe(node);
    const stopTouch = touchZoom(u);
    return () => {
      stopTouch();
      watcher.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [colour, height, theme]);

  useEffect(() => {
    const u = plot.current;
    if (!u) return;
    holes.current = gaps(columns, bucketSeconds);
    const c = withGaps(columns, bucketSeconds);
    const data: Data = [c.time, c.max, c.min, c.avg];
    u.batch(() => {
      u.setData(data as uPlot.AlignedData, false);
      u.setScale('x', { min: from, max: to });
    });
  }, [columns, version, from, to, bucketSeconds, colour, height, theme, lines, shades]);

  const f = figures(columns);
  const show = (v: number | null) => format(v, digits);
  // A bucket's average is not what the device says now; and without points there is no now.
  const live = now !== undefined && f.last !== null;
  const last = withUnit(live ? now : f.last, unit, digits);
  const words = `${name}: minimum ${show(f.min)}, average ${show(f.avg)}, maximum ${show(f.max)}, ${live ? 'now' : 'last'} ${last}${lines.map((l) => `; ${l.label} at ${show(l.value)}`).join('')}`;
  return (
    <figure className="min-w-0" data-chart={name}>
      <figcaption className="flex flex-wrap items-baseline justify-between gap-x-4 px-1 pb-0.5">
        <span className="flex items-baseline gap-3">
          <span className="font-semibold" data-caption>
            <svg width="14" height="8" aria-hidden="true" className="mr-1.5 inline-block">
              <line x1="0" y1="4" x2="14" y2="4" stroke={`var(--series-${colour})`} strokeWidth="2.5" />
            </svg>
            {name}
          </span>
          <span ref={cursor} className="num text-12 text-ink-2" />
        </span>
        <span className="num flex gap-3 text-12 text-ink-2" data-caption>
          <span>min {show(f.min)}</span>
          <span>avg {show(f.avg)}</span>
          <span>max {show(f.max)}</span>
          <span>
            {live ? 'now' : 'last'} <b className="text-ink">{last}</b>
          </span>
        </span>
      </figcaption>
      <div ref={holder} role="img" aria-label={words} style={{ height }} className="touch-pan-y" />
    </figure>
  );
}
