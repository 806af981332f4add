import { expect, it } from 'vitest';
import { bodyOf, emptyLayer, faultsOf, formOf, peopleOf } from './schedule-form';

it('keeps layers by their ids, the first as the highest', () => {
  const form = formOf(null, 'UTC');
  form.name = ' Operations ';
  form.layers = [
    { ...emptyLayer(1), name: 'Top', people: 'ada\n grace@x.example \n\n' },
    { ...emptyLayer(2), layer_id: 7, rotation: 'custom', hours: '12' },
  ];
  const body = bodyOf(form);
  expect(body.name).toBe('Operations');
  expect(body.layers?.map((l) => l.layer_order)).toEqual([1, 0]);
  expect(body.layers?.[0]?.responders).toEqual(['ada', 'grace@x.example']);
  expect(body.layers?.[1]).toMatchObject({ layer_id: 7, shift_duration_hours: 12 });
});

it('names faults as the server does', () => {
  const form = formOf(null, 'UTC');
  form.layers = [{ ...emptyLayer(1), name: '', rotation: 'custom', hours: '0.5' }];
  const found = Object.entries(faultsOf(form)).filter(([, fault]) => fault);
  expect(found.map(([name]) => name)).toEqual(['name', 'layers.0.name', 'layers.0.shift_duration_hours']);
});

it('takes people by lines or commas', () => {
  expect(peopleOf('a, b\nc\n')).toEqual(['a', 'b', 'c']);
});
