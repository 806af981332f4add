import { describe, expect, it } from 'vitest';
import { formatQueryLine, parseQueryLine, toFilter } from './query-line';

describe('query line', () => {
  it('reads keys, quotes and free text', () => {
    const q = parseQueryLine('status:online site:"Hamburg Hub" tag:pilot tag:a,b reefer 41');
    expect(q.status).toBe('ONLINE');
    expect(q.site).toBe('Hamburg Hub');
    expect(q.tags).toEqual(['pilot', 'a', 'b']);
    expect(q.text).toBe('reefer 41');
    expect(q.unknown).toEqual([]);
  });
  it('names what it does not understand instead of dropping it', () => {
    const q = parseQueryLine('colour:red status:asleep template:x');
    expect(q.unknown).toEqual(['colour:red', 'status:asleep', 'template:x']);
    expect(toFilter(q)).toEqual({});
  });
  it('survives a half-typed line', () => {
    expect(parseQueryLine('status: site:"Ham').site).toBe('Ham');
    expect(parseQueryLine('site:').site).toBeNull();
    expect(parseQueryLine('').text).toBe('');
  });
  it('writes what it reads', () => {
    const line = 'status:stale site:"Oslo Fish Hall" tag:pharma template:3 is:decommissioned dock';
    expect(formatQueryLine(parseQueryLine(line))).toBe(line);
  });
  it('makes the endpoint parameters', () => {
    expect(toFilter(parseQueryLine('status:offline tag:a tag:b site:s1 50%'))).toEqual({
      q: '50%',
      status: 'OFFLINE',
      tags: 'a,b',
      site_id: 's1',
    });
    expect(toFilter(parseQueryLine('is:decommissioned'))).toEqual({ decommissioned: true });
  });
});
