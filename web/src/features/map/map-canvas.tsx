// A map of our own on a canvas: drawn at most once a frame, and only when something changed.
import { useCallback, useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { useTheme } from '@/lib/theme';
import { Button } from '@/ui/button';
import { allStatuses, Clusters, type Cluster } from './clusters';
import { draw, markAt, paintOf, type MapSite, type Mark } from './draw';
import { listen } from './gestures';
import { fitting, inside, mostZoom, pulled, ruler, zoomed, type Bounds, type Size, type View } from './mercator';
import { outlinesFor } from './outlines';
import type { Points } from './points';

interface Props {
  label: string;
  points: Points;
  /** Raised when the points have changed in place. */
  version: number;
  sites: readonly MapSite[];
  /** Shown statuses, a bit each. */
  mask?: number;
  /** Ids of what is chosen. */
  device: string | null;
  site: string | null;
  /** Where it begins; without it all that there is comes into view, also what comes later. */
  start: View | null;
  /** What "everything" means. */
  everything: Bounds | null;
  /** Hears where the map has come to rest. */
  onRest: (view: View, size: Size, byHand: boolean) => void;
  onSite: (site: MapSite) => void;
  onDevice: (index: number) => void;
  /** A cluster that no zoom takes apart. */
  onHeap: (cluster: Cluster) => void;
  className?: string;
}

function deviceAt(points: Points, id: string | null) {
  const i = id === null ? undefined : points.indexOf(id);
  if (i === undefined) return null;
  return { x: points.x[i]!, y: points.y[i]!, status: points.status[i]!, name: points.names[i]! };
}

/** Milliseconds without a move after which the map has come to rest. */
const rest = 180;
const step = 80;

export function MapCanvas(props: Props) {
  const { label, points, version, sites, mask = allStatuses, device, site, everything, className } = props;
  const theme = useTheme();
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(props);
  const view = useRef<View>(props.start ?? { x: 0.5, y: 0.36, zoom: 0 });
  const size = useRef<Size>({ width: 0, height: 0 });
  const marks = useRef<Mark[]>([]);
  const clusters = useRef(new Clusters());
  const frame = useRef(0);
  const resting = useRef<ReturnType<typeof setTimeout>>(undefined);
  /** Moved by a person, or placed by the address: then nothing else moves it. */
  const placed = useRef(props.start !== null);
  const [fault, setFault] = useState<unknown>(null);
  const [scale, setScale] = useState({ metres: 0, pixels: 0 });
  useEffect(() => {
    latest.current = props;
  });

  const redraw = useCallback(() => {
    if (frame.current) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      const node = canvas.current;
      const p = latest.current;
      if (!node || size.current.width === 0) return;
      view.current = inside(view.current, size.current);
      const outlines = outlinesFor(view.current.zoom, (error) => {
        setFault(error ?? null);
        redraw();
      });
      marks.current = draw(
        node,
        {
          view: view.current,
          size: size.current,
          outlines,
          clusters: clusters.current.at(p.points, view.current.zoom, p.mask ?? allStatuses),
          sites: p.sites,
          nameOf: (i) => p.points.names[i]!,
          site: p.site,
          device: deviceAt(p.points, p.device),
        },
        paintOf(),
      );
    });
  }, []);

  const settle = useCallback(() => {
    clearTimeout(resting.current);
    resting.current = setTimeout(() => {
      setScale(ruler(view.current, 100));
      latest.current.onRest(view.current, size.current, placed.current);
    }, rest);
  }, []);
  const show = useCallback(
    (next: View, byHand = true) => {
      if (byHand) placed.current = true;
      view.current = next;
      redraw();
      settle();
    },
    [redraw, settle],
  );
  const fit = useCallback(
    (bounds: Bounds | null, byHand = true) => {
      if (bounds && size.current.width > 0) show(fitting(bounds, size.current), byHand);
    },
    [show],
  );

  useEffect(redraw, [redraw, theme, version, points, sites, mask, device, site]);
  const box = everything && [everything.left, everything.right, everything.top, everything.bottom].join();
  useEffect(() => {
    if (!placed.current) fit(latest.current.everything, false);
  }, [box, fit]);

  useEffect(() => {
    const node = holder.current!;
    const watcher = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      size.current = { width, height };
      if (!placed.current) fit(latest.current.everything, false);
      redraw();
      settle();
    });
    watcher.observe(node);
    return () => {
      watcher.disconnect();
      clearTimeout(resting.current);
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [fit, redraw, settle]);

  useEffect(
    () =>
      listen(canvas.current!, {
        onPull: (dx, dy) => show(pulled(view.current, size.current, dx, dy)),
        onZoom: (by, px, py) => show(zoomed(view.current, size.current, by, px, py)),
        onHover: (px, py) => {
          canvas.current!.style.cursor = markAt(marks.current, px, py) ? 'pointer' : 'grab';
        },
        onClick: (px, py) => {
          const mark = markAt(marks.current, px, py);
          if (!mark) return;
          if (mark.kind === 'site') latest.current.onSite(mark.site);
          else open(mark.cluster);
        },
      }),
    // Not renewed with `open`, which reads nothing but what lasts.
    [show],
  );
  const open = (c: Cluster) => {
    if (c.count === 1) latest.current.onDevice(c.first);
    else if (view.current.zoom > mostZoom - 0.5 || (c.right - c.left < 1e-9 && c.bottom - c.top < 1e-9))
      latest.current.onHeap(c);
    else {
      const near = fitting(c, size.current, mostZoom);
      show(near.zoom > view.current.zoom + 0.5 ? near : { ...near, zoom: view.current.zoom + 1 });
    }
  };

  const centre = (by: number) =>
    show(zoomed(view.current, size.current, by, size.current.width / 2, size.current.height / 2));
  const keys: Record<string, () => void> = {
    ArrowLeft: () => show(pulled(view.current, size.current, step, 0)),
    ArrowRight: () => show(pulled(view.current, size.current, -step, 0)),
    ArrowUp: () => show(pulled(view.current, size.current, 0, step)),
    ArrowDown: () => show(pulled(view.current, size.current, 0, -step)),
    '+': () => centre(1),
    '=': () => centre(1),
    '-': () => centre(-1),
    '0': () => fit(everything),
  };
  const onKey = (e: KeyboardEvent) => {
    const act = keys[e.key];
    if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    act();
  };
  return (
    <div ref={holder} className={`relative overflow-hidden ${className ?? ''}`}>
      <canvas
        ref={canvas}
        role="application"
        aria-label={`${label}. Arrows move it, plus and minus zoom, 0 shows everything. The list beside it holds the same.`}
        tabIndex={0}
        onKeyDown={onKey}
        data-testid="map"
        className="absolute inset-0 h-full w-full touch-none focus-visible:-outline-offset-2"
      />
      <div className="absolute top-2 right-2 flex flex-col gap-1">
        <Button small aria-label="Zoom in" title="Zoom in (+)" onClick={() => centre(1)}>
          +
        </Button>
        <Button small aria-label="Zoom out" title="Zoom out (−)" onClick={() => centre(-1)}>
          −
        </Button>
        <Button
          small
          aria-label="Show everything"
          title="Show everything (0)"
          disabled={!everything}
          onClick={() => fit(everything)}
        >
          ⤢
        </Button>
      </div>
      {scale.pixels > 0 && (
        <div className="pointer-events-none absolute right-2 bottom-2 text-11 text-ink-2">
          <div
            className="num border-x border-b border-ink-3! text-center leading-4"
            style={{ width: scale.pixels }}
          >
            {scale.metres >= 1000 ? `${scale.metres / 1000} km` : `${scale.metres} m`}
          </div>
        </div>
      )}
      {fault !== null && (
        <p role="alert" className="absolute top-2 left-2 rounded-m bg-surface px-2 py-1 text-critical">
          ▲ The coasts could not be loaded; devices are drawn without them.
        </p>
      )}
    </div>
  );
}
