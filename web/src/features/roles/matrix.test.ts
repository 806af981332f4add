import { expect, it } from 'vitest';
import { categoryWords, copyName, diffOf, draftOf, fits, matrixOf } from './matrix';

let next = 0;
const permission = (action: string, description = action) => ({
  id: (next += 1),
  action,
  category: action.split('.')[0]!,
  description,
});
const catalogue = [
  permission('users.read'),
  permission('users.invite'),
  permission('users.roles'),
  permission('devices.write', 'Create and change devices (older name)'),
  permission('devices.update'),
  permission('devices.tokens.rotate', 'Make new device credentials'),
];
const [read, invite, roles, write, update, rotate] = catalogue as [
  (typeof catalogue)[0], (typeof catalogue)[0], (typeof catalogue)[0],
  (typeof catalogue)[0], (typeof catalogue)[0], (typeof catalogue)[0],
];

it('has a row for each kind of thing, and a column for each common verb', () => {
  const rows = matrixOf(catalogue);
  expect(rows.map((r) => r.category)).toEqual(['devices', 'users']);
  expect(rows[0]!.cells).toEqual({ write, update });
  expect(rows[0]!.others).toEqual([{ permission: rotate, label: 'tokens rotate' }]);
  expect(rows[1]!.cells).toEqual({ read, create: invite });
  expect(rows[1]!.others).toEqual([{ permission: roles, label: 'roles' }]);
  expect(rows.flatMap((r) => r.all)).toHaveLength(catalogue.length);
});

it('finds permissions by what they are for', () => {
  expect(catalogue.filter((p) => fits(p, 'CREDENTIALS'))).toEqual([rotate]);
  expect(catalogue.filter((p) => fits(p, ' '))).toHaveLength(catalogue.length);
  expect(categoryWords('alert-rules')).toBe('Alert rules');
});

it('tells what saving would change', () => {
  const before = draftOf({ name: 'Night', description: '', permissions: [read, write] });
  const after = { name: 'Night shift ', description: '', ids: new Set([read.id, rotate.id, update.id]) };
  expect(diffOf(before, after, catalogue)).toEqual({
    added: [update, rotate],
    removed: [write],
    kept: 1,
    name: { before: 'Night', after: 'Night shift' },
    description: null,
    same: false,
  });
  expect(diffOf(before, { ...before, name: ' Night' }, catalogue).same).toBe(true);
});

it('names copies apart', () => {
  expect(copyName('Viewer', ['Viewer'])).toBe('Viewer copy');
  expect(copyName('Viewer', ['viewer COPY'])).toBe('Viewer copy 2');
});
