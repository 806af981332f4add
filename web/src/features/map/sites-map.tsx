import { useMemo, useState } from 'react';
import type { Site } from '@/api/types';
import { useUrl } from '@/lib/use-url';
import { Empty } from '@/ui/states';
import { SiteCard } from './map-card';
import { MapCanvas } from './map-canvas';
import { readView, writeView } from './mercator';
import { Points } from './points';
import { around, marksOf, placedSites } from './site-marks';

const noPoints = new Points();
const nothing = () => {};

/** The sites that a filter leaves, on a map. */
export default function SitesMap({ sites }: { sites: readonly Site[] }) {
  const { params, set, change } = useUrl();
  const [start] = useState(() => readView(params.get('at')));
  const placed = useMemo(() => placedSites([...sites]), [sites]);
  const marks = useMemo(() => marksOf(placed), [placed]);
  const everything = useMemo(() => around(null, marks), [marks]);
  const chosen = placed.find((s) => s.site_id === params.get('site'));
  if (placed.length === 0)
    return (
      <Empty title="None of these sites has coordinates">
        Edit a site and give its latitude and longitude: it stands here at once.
      </Empty>
    );
  return (
    <div className="relative h-[calc(100dvh-12rem)] min-h-80 overflow-hidden">
      <MapCanvas
        label="Map of sites"
        className="h-full"
        points={noPoints}
        version={0}
        sites={marks}
        device={null}
        site={chosen?.site_id ?? null}
        start={start}
        everything={everything}
        onRest={(view, _size, byHand) => {
          if (byHand) change((p) => p.set('at', writeView(view)));
        }}
        onSite={(s) => set({ site: s.id })}
        onDevice={nothing}
        onHeap={nothing}
      />
      {chosen && <SiteCard site={chosen} onClose={() => set({ site: null })} />}
    </div>
  );
}
