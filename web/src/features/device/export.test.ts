import { describe, expect, it } from 'vitest';
import type { Message } from '@/api/types';
import { chartsCsv, exportName } from './export';
import { metricsText, stagesOf } from './message-log';

const t0 = Date.UTC(2026, 10, 24, 13, 0, 0) / 1000;
const columns = (time: number[], avg: (number | null)[], count = 1) => ({
  time,
  avg,
  min: avg.map((v) => v && v - 1),
  max: avg.map((v) => v && v + 1),
  count: avg.map(() => count),
});

describe('CSV of the charts', () => {
  it('holds what is drawn and nothing beyond', () => {
    const temp = columns([t0 - 10, t0, t0 + 10], [1, 2, 3]);
    const hum = columns([t0, t0 + 5, t0 + 99], [50, null, 52], 4);
    const text = chartsCsv(
      [
        { key: 'temp', name: 'Temperature', unit: '°C', columns: temp },
        { key: 'hum', name: 'Humidity', unit: null, columns: hum },
      ],
      t0,
      t0 + 60,
    );
    expect(text.trim().split('\r\n')).toEqual([
      'time,temp (°C),hum avg,hum min,hum max,hum count',
      '2026-11-24T13:00:00.000Z,2,50,49,51,4',
      '2026-11-24T13:00:10.000Z,3,,,,',
    ]);
  });
  it('says device and span in its name', () => {
    expect(exportName('cold-01', t0, t0 + 61, 'csv')).toBe(
      'cold-01_2026-11-24T130000Z_2026-11-24T130101Z.csv',
    );
  });
});

describe('a message in the log', () => {
  const base: Message = {
    id: 's-1', received_at: '2026-11-24T13:00:01Z', stored_at: '2026-11-24T13:00:02Z',
    time: '2026-11-24T13:00:00Z', msg_type: 'telemetry', seq: 1, status: 'stored', reason: null,
    latency_ms: 12.4, metrics: { a: 1 },
  };
  const refused: Message = {
    ...base, stored_at: null, status: 'quarantined', reason: 'INVALID_JSON', latency_ms: null, metrics: null,
  };
  it('tells its stages, and of a refused one only what is known', () => {
    expect(stagesOf(base).map((s) => `${s.name} ${s.words}`.trim())).toEqual([
      'Measured', 'Received', 'Stored after 12 ms',
    ]);
    expect(stagesOf(refused)).toEqual([
      { name: 'Received', at: refused.received_at, words: '' },
      { name: 'Quarantined', at: null, words: 'INVALID_JSON' },
    ]);
  });
  it('does not pass a value that could not be kept off as null', () => {
    expect(metricsText(refused)).toBeNull();
    const metrics = { a: null, b: 2 } as unknown as Message['metrics'];
    const text = metricsText({ ...refused, reason: 'METRIC_VALUE_INVALID', metrics });
    expect(text).toContain('"a": (no number that can be stored),');
    expect(text).toContain('"b": 2');
  });
});
