import { useCallback } from 'react';
import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import { instances, type FleetSensor } from '@/api/instances';
import { rangeOf } from '@/features/hardware/ranges';
import { count, decimalsOf, withUnit } from '@/lib/numbers';
import { useLines } from '@/lib/use-lines';
import { useUrl } from '@/lib/use-url';
import { usePolling } from '@/live/hooks';
import { Button, ButtonLink } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { SearchField } from '@/ui/search-field';
import { ShowMore } from '@/ui/show-more';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';

/** All sensors of the fleet. */
export default function SensorsPage() {
  useTitle('Sensors');
  const { get, set } = useUrl();
  const polling = usePolling();
  const filter = {
    ...(get('device') ? { device_id: get('device')! } : {}),
    ...(get('type') ? { sensor_type: get('type')! } : {}),
    ...(get('status') ? { status: get('status')! } : {}),
  };
  const filtered = Object.keys(filter).length > 0;
  const source = useLines<FleetSensor>(
    ['sensors', filter],
    async (offset, signal) => {
      const page = await instances.fleetSensors(filter, 100, offset, signal);
      return { lines: page.sensors, total: page.total };
    },
    polling,
  );
  const setDevice = useCallback((device: string) => set({ device }), [set]);
  const setType = useCallback((type: string) => set({ type }), [set]);
  return (
    <>
      <PageHeader
        title="Sensors"
        facts={source.total !== null && <span>{count(source.total)}</span>}
        actions={<CopyCall path={callPath('/sensors', filter)} />}
      />
      <div className="mb-2.5 flex flex-wrap items-center gap-2">
        <SearchField label="Device id" placeholder="Device id" value={get('device') ?? ''} onChange={setDevice} />
        <SearchField label="Type of sensor" placeholder="Type, as temperature" value={get('type') ?? ''} onChange={setType} className="sm:w-52" />
        <Segmented
          label="Status"
          value={get('status') ?? ''}
          onChange={(status) => set({ status })}
          options={[
            { value: '', label: 'All' },
            { value: 'active', label: 'Active' },
            { value: 'disabled', label: 'Disabled' },
          ]}
        />
      </div>
      <div className="panel">
        {source.error && source.lines.length === 0 ? (
          <Failure error={source.error} what="Sensors" retry={source.retry} />
        ) : source.pending ? (
          <SkeletonRows rows={10} label="Loading sensors" />
        ) : source.lines.length === 0 ? (
          filtered ? (
            <Empty
              title="No sensor fits this filter"
              action={<Button onClick={() => set({ device: null, type: null, status: null })}>Show all sensors</Button>}
            />
          ) : (
            <Empty title="No sensors yet" action={<ButtonLink to="/devices">Devices</ButtonLink>}>
              Sensors come with a device's template, or with the first message that names a metric.
            </Empty>
          )
        ) : (
          <>
            <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Table of sensors">
              <table className="w-full text-left">
                <thead className="text-12 text-ink-2">
                  <tr className="border-b">
                    <th scope="col" className="px-3 py-1.5 font-normal">Sensor</th>
                    <th scope="col" className="px-3 py-1.5 font-normal">Device</th>
                    <th scope="col" className="px-3 py-1.5 font-normal">Last value</th>
                    <th scope="col" className="px-3 py-1.5 font-normal max-sm:hidden">Seen</th>
                    <th scope="col" className="px-3 py-1.5 font-normal max-sm:hidden">Range</th>
                    <th scope="col" className="px-3 py-1.5 font-normal max-sm:hidden">Type</th>
                  </tr>
                </thead>
                <tbody>
                  {source.lines.map((s) => (
                    <tr key={s.sensor_id} data-sensor={s.sensor_id} className="border-b last:border-b-0 hover:bg-surface-2">
                      <td className="px-3 py-1.5">
                        <span className="block font-medium">
                          {s.label ?? s.metric_name}
                          {s.status !== 'active' && <span className="font-normal text-ink-3"> ({s.status})</span>}
                        </span>
                        <span className="font-mono text-12 text-ink-2">{s.metric_name}</span>
                      </td>
                      <td className="px-3 py-1.5">
                        <Link to={`/devices/${encodeURIComponent(s.device_id)}?tab=hardware`} className="hover:underline">
                          {s.device_id}
                        </Link>
                      </td>
                      <td className="num px-3 py-1.5 whitespace-nowrap">
                        {s.last_value === null ? <span className="text-ink-3">none</span> : withUnit(s.last_value, s.unit, decimalsOf([s.last_value], s.precision_digits))}
                      </td>
                      <td className="px-3 py-1.5 max-sm:hidden"><Ago at={s.last_seen_at} /></td>
                      <td className="num px-3 py-1.5 max-sm:hidden">{rangeOf(s)}</td>
                      <td className="px-3 py-1.5 text-ink-2 max-sm:hidden">{s.sensor_type}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <ShowMore source={source} />
          </>
        )}
      </div>
    </>
  );
}
