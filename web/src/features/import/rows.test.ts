import { expect, it } from 'vitest';
import type { ImportAnswer, ImportResultRow } from '@/api/imports';
import { credentialsCsv, isLarge, refusedCsv, resultCsv, stem } from './rows';

const row = (more: Partial<ImportResultRow>): ImportResultRow => ({
  row: 1,
  name: 'A',
  status: 'ok',
  device_id: 'a-1',
  message: null,
  client_id: null,
  password: null,
  ...more,
});
const answerOf = (...results: ImportResultRow[]): ImportAnswer => ({
  total: results.length,
  imported: 0,
  failed: 0,
  dry_run: false,
  ignored_columns: [],
  results,
});

it('gives back the refused rows with their problem, and no second column of it', () => {
  const answer = answerOf(
    row({}),
    row({ row: 2, status: 'error', device_id: null, message: 'name is required' }),
    row({ row: 3, status: 'error', device_id: null, message: 'Site not found: x' }),
  );
  const text = 'name,problem,device_type\nA,old,pump\n,old,fan\n"B, C"\n';
  expect(refusedCsv(text, answer)).toBe(
    'name,device_type,problem\r\n,fan,name is required\r\n"B, C",,Site not found: x\r\n',
  );
});

it('writes results safe for spreadsheets, and passwords as they are', () => {
  const answer = answerOf(
    row({ name: '=1+1', client_id: 'c', password: '-secret' }),
    row({ row: 2, status: 'error', device_id: null, message: 'no' }),
  );
  expect(resultCsv(answer)).toContain("1,'=1+1,ok,a-1,");
  expect(credentialsCsv(answer, 'demo')).toBe(
    'device_id,client_id,username,password\r\na-1,c,demo/a-1,-secret\r\n',
  );
});

it('knows what is too much for one request', () => {
  expect(isLarge(100, 'name\n' + 'x\n'.repeat(500))).toBe(false);
  expect(isLarge(100, 'name\n' + 'x\n'.repeat(501))).toBe(true);
  expect(isLarge(2 * 1024 * 1024, 'name\n')).toBe(true);
  expect(stem('fleet.2026.csv')).toBe('fleet.2026');
});
