import { expect, it } from 'vitest';
import { fieldsOf, readFields } from './params';

const schema = {
  type: 'object',
  properties: {
    seconds: { type: 'integer', minimum: 5, maximum: 60, description: 'How often' },
    mode: { enum: ['eco', 'full'] },
    on: { type: 'boolean' },
    name: { type: 'string' },
    list: { type: 'array' },
    confirm: { type: 'boolean', const: true },
  },
  required: ['seconds'],
};

it('makes a field of each parameter', () => {
  const fields = fieldsOf(schema);
  expect(fields.map((f) => f.kind)).toEqual(['integer', 'choice', 'boolean', 'text', 'json', 'choice']);
  expect(fields[0]).toMatchObject({ required: true, help: 'How often; 5 to 60', label: 'seconds' });
  expect(fields[1]!.choices).toEqual(['"eco"', '"full"']);
  expect(fieldsOf(null)).toEqual([]);
  expect(fieldsOf({ type: 'object' })).toEqual([]);
});

it('reads what was typed, and leaves out what was not', () => {
  const fields = fieldsOf(schema);
  expect(readFields(fields, { seconds: '30', mode: '"eco"', on: 'false', name: '7', list: '[1]' })).toEqual({
    params: { seconds: 30, mode: 'eco', on: false, name: '7', list: [1] },
    faults: {},
  });
  expect(readFields(fields, {}).faults).toEqual({ seconds: 'This is needed.' });
  expect(readFields(fields, { seconds: '1.5', list: '[' }).faults).toHaveProperty('list');
});
