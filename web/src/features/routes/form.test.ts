import { describe, expect, it } from 'vitest';
import { faultsOf, inputOf, objectOf, pastedOf, valuesOf } from './form';

const faults = (v: ReturnType<typeof valuesOf>) =>
  Object.entries(faultsOf(v)).flatMap(([name, fault]) => (fault ? [name] : []));

describe('a route’s form', () => {
  it('keeps the masked secrets of a stored route', () => {
    const stored = {
      id: 1,
      name: 'Hot',
      topic_filter: 'tenant/+/device/+/telemetry',
      destination_type: 'webhook' as const,
      destination_config: { url: 'https://a.example/', method: 'PUT', secret: '***', headers: { A: '***' } },
      payload_filter: { t: { $gt: 5 } },
      is_enabled: true,
      queued_count: 0,
      failed_count: 0,
      updated_at: '',
    };
    const input = inputOf(valuesOf(stored));
    expect(input.destination_config).toEqual(stored.destination_config);
    expect(input.payload_filter).toEqual({ t: { $gt: 5 } });
  });
  it('keeps what it has no field for, as long as the destination is of that type', () => {
    const v = {
      ...valuesOf(null),
      name: 'Store',
      type: 'postgresql' as const,
      dsn: '***',
      table: 't',
      kept: { type: 'postgresql' as const, config: { dsn: '***', table: 's', of_later: 1, columns: { a: 'b' } } },
    };
    expect(inputOf(v).destination_config).toEqual({ dsn: '***', table: 't', of_later: 1 });
    expect(inputOf({ ...v, type: 'mqtt_republish', topic: 'x' }).destination_config).toEqual({ topic: 'x' });
  });
  it('sends authorities of one’s own as PEM text', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';
    const v = { ...valuesOf(null), name: 'S', type: 'postgresql' as const, dsn: 'postgresql://d', table: 't' };
    expect(inputOf({ ...v, sslrootcert: ` ${pem} ` }).destination_config).toEqual({
      dsn: 'postgresql://d',
      table: 't',
      sslrootcert: `${pem}\n`,
    });
    expect(faults({ ...v, sslrootcert: 'MIIB' })).toEqual(['sslrootcert']);
    const kept = { type: 'postgresql' as const, config: { dsn: '***', table: 't', sslrootcert: `${pem}\n` } };
    expect(inputOf({ ...v, kept }).destination_config).not.toHaveProperty('sslrootcert');
  });
  it('means the built-in store without a connection', () => {
    const v = { ...valuesOf(null), name: 'Store', type: 'postgresql' as const };
    expect(faults(v)).toEqual([]);
    expect(inputOf(v).destination_config).toEqual({});
    expect(faults({ ...v, table: 't' })).toEqual(['table']);
  });
  it('finds what is no object', () => {
    expect(objectOf('')).toBeNull();
    expect(objectOf('[1]')).toBeUndefined();
    expect(objectOf('{"a":')).toBeUndefined();
    expect(faults({ ...valuesOf(null), name: 'x', url: 'https://a.example/', payload_filter: '5' })).toEqual([
      'payload_filter',
    ]);
  });
  it('takes a payload, or a whole message with its topic', () => {
    expect(pastedOf('{"t": 5}')).toEqual({ payload: { t: 5 } });
    expect(pastedOf('{"topic": "a/b", "payload": {"t": 5}}')).toEqual({ topic: 'a/b', payload: { t: 5 } });
    // A payload that happens to have such members.
    expect(pastedOf('{"topic": "x", "payload": {}, "t": 1}')).toEqual({ payload: { topic: 'x', payload: {}, t: 1 } });
    expect(pastedOf('')).toEqual({ payload: {} });
    expect(pastedOf('[1]')).toBeNull();
  });
});
