import { expect, it } from 'vitest';
import { parseCsv, csv } from './csv';

it('quotes what needs it and defuses formulas', () => {
  expect(csv(['a', 'b'], [['x,"y"', '=1+1'], [-5, null], [['t'], '@x']])).toBe(
    'a,b\r\n"x,""y""",\'=1+1\r\n-5,\r\n"[""t""]",\'@x\r\n',
  );
});

it('reads what it writes, and what spreadsheets write', () => {
  const rows = [
    ['name', 'tags'],
    ['Pump "7"', 'hot, roof'],
    ['two\nlines', ''],
  ];
  expect(parseCsv(csv(rows[0]!, rows.slice(1)))).toEqual(rows);
  expect(parseCsv('\ufeffa,b\r\n\r\n1,2')).toEqual([
    ['a', 'b'],
    ['1', '2'],
  ]);
  expect(parseCsv('')).toEqual([]);
});
