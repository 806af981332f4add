// A schedule as its form holds it: texts, and one person a line.
import type { Schedule, ScheduleInput } from '@/api/oncall';
import { instantOf, wallClock } from './zoned';

export interface LayerForm {
  /** Tells layers apart while they are moved. */
  key: string;
  layer_id: number | null;
  name: string;
  rotation: 'daily' | 'weekly' | 'custom';
  hours: string;
  day: string;
  hour: string;
  people: string;
  /** From when turns are counted, by the schedule's clock. */
  start: string;
  /** The same as it came, with its instant: what nobody touched is not sent. */
  came?: { start: string; rotation_start: string };
}
export interface ScheduleForm {
  name: string;
  description: string;
  timezone: string;
  layers: LayerForm[];
}

export const emptyLayer = (number: number): LayerForm => ({
  key: `new-${number}-${Math.random()}`,
  layer_id: null,
  name: `Layer ${number}`,
  rotation: 'weekly',
  hours: '12',
  day: '0',
  hour: '9',
  people: '',
  start: '',
});

export function formOf(schedule: Schedule | null, zone: string): ScheduleForm {
  if (!schedule) return { name: '', description: '', timezone: zone, layers: [emptyLayer(1)] };
  return {
    name: schedule.name,
    description: schedule.description ?? '',
    timezone: schedule.timezone,
    layers: schedule.layers.map((l) => {
      const start = wallClock(Date.parse(l.rotation_start), schedule.timezone);
      return {
      key: String(l.layer_id),
      layer_id: l.layer_id,
      name: l.name,
      // A rotation is what its shifts are, whatever it was called.
      rotation:
        l.shift_duration_hours === 24 && l.rotation_type === 'daily'
          ? 'daily'
          : l.shift_duration_hours === 168 && l.rotation_type === 'weekly'
            ? 'weekly'
            : 'custom',
      hours: String(l.shift_duration_hours),
      day: String(l.handoff_day),
      hour: String(l.handoff_hour),
      people: l.responders.join('\n'),
      start,
      came: { start, rotation_start: l.rotation_start },
      };
    }),
  };
}

export const peopleOf = (text: string): string[] =>
  text
    .split(/[\n,]/)
    .map((p) => p.trim())
    .filter((p) => p !== '');

/** What is sent of from when turns are counted: nothing, where it is to stay or to begin now. */
function startOf(l: LayerForm, zone: string): { rotation_start?: string } {
  if (l.start.trim() === '' || l.start === l.came?.start) return {};
  const at = instantOf(l.start, zone);
  return Number.isNaN(at) ? {} : { rotation_start: new Date(at).toISOString() };
}

/** The first layer is the highest. */
export function bodyOf(form: ScheduleForm): ScheduleInput {
  return {
    name: form.name.trim(),
    description: form.description.trim() || null,
    timezone: form.timezone.trim(),
    layers: form.layers.map((l, i) => ({
      layer_id: l.layer_id,
      name: l.name.trim(),
      rotation_type: l.rotation,
      shift_duration_hours: l.rotation === 'daily' ? 24 : l.rotation === 'weekly' ? 168 : Number(l.hours),
      handoff_day: Number(l.day),
      handoff_hour: Number(l.hour),
      responders: peopleOf(l.people),
      layer_order: form.layers.length - 1 - i,
      ...startOf(l, form.timezone.trim()),
    })),
  };
}

/** Faults by the names that the server gives them. */
export function faultsOf(form: ScheduleForm): Record<string, string | false> {
  const out: Record<string, string | false> = {
    name: form.name.trim() === '' && 'Give a name.',
    timezone: form.timezone.trim() === '' && 'Give a time zone.',
  };
  form.layers.forEach((l, i) => {
    const hours = Number(l.hours);
    out[`layers.${i}.name`] = l.name.trim() === '' && 'Give a name.';
    out[`layers.${i}.shift_duration_hours`] =
      l.rotation === 'custom' &&
      !(Number.isInteger(hours) && hours >= 1 && hours <= 8760) &&
      'Whole hours, from 1 to 8760.';
  });
  return out;
}
