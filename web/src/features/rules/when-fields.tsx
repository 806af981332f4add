// The "when" of a rule, by its type.
import { useId } from 'react';
import type { Operator } from '@/api/rules';
import { Button } from '@/ui/button';
import { newCondition, type Draft, type DraftCondition } from './draft';
import { useSensorTypes } from './queries';
import { aggregationWords, operatorWords } from './sentence';
import { Clause, Pick, Together, Type } from './sentence-fields';

const operators = Object.entries(operatorWords).map(([value, label]) => ({ value, label }));
const aggregations = Object.entries(aggregationWords).map(([value, label]) => ({ value, label }));
const matches = [
  { value: 'all', label: 'and' },
  { value: 'any', label: 'or' },
];

interface Props {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  /** Id of the list of known metrics. */
  metrics: string;
}

/** A metric by its name, or what sensors measure, whatever each calls it. */
function Subject({ draft: d, set }: Omit<Props, 'metrics'>) {
  const id = d.kept.sensor_id ?? null;
  const options = [
    { value: 'metric', label: 'the metric' },
    { value: 'type', label: 'any sensor of type' },
    ...(id === null ? [] : [{ value: 'sensor', label: `the sensor ${id}` }]),
  ];
  return (
    <Pick
      label="What is compared"
      options={options}
      value={d.sensor === null ? 'metric' : d.sensor.sensor_id === null ? 'type' : 'sensor'}
      onChange={(what) =>
        set({
          sensor:
            what === 'metric'
              ? null
              : what === 'sensor'
                ? { sensor_id: id, sensor_type: '' }
                : { sensor_id: null, sensor_type: d.kept.sensor_type ?? '' },
        })
      }
    />
  );
}

function SensorType({ value, onChange }: { value: string; onChange: (type: string) => void }) {
  const id = useId();
  const known = useSensorTypes();
  return (
    <>
      <datalist id={id}>
        {known.map((type) => (
          <option key={type} value={type} />
        ))}
      </datalist>
      <Type
        label="Type of sensors"
        number={false}
        width="w-36"
        list={id}
        placeholder="temperature"
        value={value}
        onChange={onChange}
      />
    </>
  );
}

function Conditions({ draft: d, set, metrics }: Props) {
  const change = (at: number, part: Partial<DraftCondition>) =>
    set({ conditions: d.conditions.map((c, i) => (i === at ? { ...c, ...part } : c)) });
  return (
    <>
      {d.conditions.map((c, i) => (
        <Clause key={i}>
          {i === 0 ? (
            'When'
          ) : (
            <Pick
              label="All of them, or one"
              options={matches}
              value={d.match}
              onChange={(match) => set({ match: match as Draft['match'] })}
            />
          )}
          {d.conditions.length === 1 && <Subject draft={d} set={set} />}
          {d.sensor ? (
            d.sensor.sensor_id === null && (
              <SensorType
                value={d.sensor.sensor_type}
                onChange={(sensor_type) => set({ sensor: { sensor_id: null, sensor_type } })}
              />
            )
          ) : (
            <Type
              label="Metric"
              number={false}
              width="w-36"
              list={metrics}
              placeholder="metric"
              value={c.metric}
              onChange={(metric) => change(i, { metric })}
            />
          )}
          <Pick
            label="Comparison"
            options={operators}
            value={c.operator}
            onChange={(operator) => change(i, { operator: operator as Operator })}
          />
          <Type
            label="Value"
            placeholder="value"
            value={c.threshold}
            onChange={(threshold) => change(i, { threshold })}
          />
          <Together>
            for
            <Type
              label="Minutes without a break"
              width="w-12"
              placeholder="0"
              value={c.minutes}
              onChange={(minutes) => change(i, { minutes })}
            />
            min
            {d.conditions.length > 1 && (
              <Button
                small
                kind="quiet"
                aria-label={`Without condition ${i + 1}`}
                onClick={() => set({ conditions: d.conditions.filter((_, n) => n !== i) })}
              >
                ×
              </Button>
            )}
          </Together>
        </Clause>
      ))}
      {!d.sensor && d.conditions.length < 10 && (
        <Button
          small
          kind="quiet"
          className="self-start"
          onClick={() => set({ conditions: [...d.conditions, newCondition()] })}
        >
          + another condition
        </Button>
      )}
    </>
  );
}

export function WhenFields(props: Props) {
  const { draft: d, set, metrics } = props;
  const metric = (
    <Type
      label="Metric"
      number={false}
      width="w-36"
      list={metrics}
      placeholder="metric"
      value={d.metric}
      onChange={(x) => set({ metric: x })}
    />
  );
  if (d.type === 'threshold') return <Conditions {...props} />;
  if (d.type === 'telemetry_gap')
    return (
      <Clause>
        When there is no {metric} for
        <Type label="Minutes" width="w-16" value={d.gapMinutes} onChange={(gapMinutes) => set({ gapMinutes })} />
        min
        <Together>
          , or fewer than
          <Type
            label="Values in an hour at least"
            width="w-16"
            placeholder="any"
            value={d.perHour}
            onChange={(perHour) => set({ perHour })}
          />
          values in an hour
        </Together>
      </Clause>
    );
  if (d.type === 'anomaly')
    return (
      <>
        <Clause>
          When {metric} is more than
          <Type
            label="Standard deviations"
            width="w-14"
            value={d.deviations}
            onChange={(deviations) => set({ deviations })}
          />
          standard deviations away from its last
          <Type
            label="Minutes compared with"
            width="w-16"
            value={d.windowMinutes}
            onChange={(windowMinutes) => set({ windowMinutes })}
          />
          min
        </Clause>
        <Clause>
          once there are
          <Type label="Samples at least" width="w-16" value={d.samples} onChange={(samples) => set({ samples })} />
          values, and it changed by at least
          <Type
            label="Smallest change"
            width="w-16"
            placeholder="any"
            value={d.minChange}
            onChange={(minChange) => set({ minChange })}
          />
        </Clause>
      </>
    );
  return (
    <Clause>
      When the
      <Pick
        label="What of the window"
        options={aggregations}
        value={d.aggregation}
        onChange={(aggregation) => set({ aggregation })}
      />
      of {metric} over
      <Type
        label="Minutes of the window"
        width="w-14"
        value={d.windowMinutes}
        onChange={(windowMinutes) => set({ windowMinutes })}
      />
      min
      <Pick
        label="Comparison"
        options={operators}
        value={d.operator}
        onChange={(operator) => set({ operator: operator as Operator })}
      />
      <Type label="Value" placeholder="value" value={d.threshold} onChange={(threshold) => set({ threshold })} />
    </Clause>
  );
}
