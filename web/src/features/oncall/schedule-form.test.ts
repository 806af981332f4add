import { expect, it } from 'vitest';
import type { Schedule } from '@/api/oncall';
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

it('counts turns from when it is told, by the schedule’s clock, and leaves alone what nobody touched', () => {
  const schedule = {
    name: 'Night',
    timezone: 'Europe/Berlin',
    layers: [
      {
        layer_id: 4,
        name: 'Top',
        rotation_type: 'weekly',
        shift_duration_hours: 168,
        handoff_day: 0,
        handoff_hour: 9,
        responders: ['ada'],
        rotation_start: '2026-03-02T08:00:30Z',
      },
    ],
  } as unknown as Schedule;
  const form = formOf(schedule, 'UTC');
  expect(form.layers[0]?.start).toBe('2026-03-02T09:00');
  expect(bodyOf(form).layers?.[0]).not.toHaveProperty('rotation_start');
  form.layers[0]!.start = '2026-07-06T09:00';
  expect(bodyOf(form).layers?.[0]?.rotation_start).toBe('2026-07-06T07:00:00.000Z');
  form.layers[0]!.start = '';
  expect(bodyOf(form).layers?.[0]).not.toHaveProperty('rotation_start');
});
