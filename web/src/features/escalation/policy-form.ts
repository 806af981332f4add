// A policy as its form holds it: texts.
import type { Policy, PolicyInput } from '@/api/oncall';

export interface LevelForm {
  delay: string;
  email: string;
  webhook: string;
  schedule: string;
}
export interface PolicyForm {
  name: string;
  description: string;
  is_default: boolean;
  repeats: string;
  levels: LevelForm[];
}

export const mostLevels = 5;
export const emptyLevel = (): LevelForm => ({ delay: '15', email: '', webhook: '', schedule: '' });

export function formOf(policy: Policy | null): PolicyForm {
  return {
    name: policy?.name ?? '',
    description: policy?.description ?? '',
    is_default: policy?.is_default ?? false,
    repeats: String(policy?.repeat_count ?? 0),
    levels: policy
      ? policy.levels.map((l) => ({
          delay: String(l.delay_minutes),
          email: l.notify_email ?? '',
          webhook: l.notify_webhook ?? '',
          schedule: l.oncall_schedule_id === null ? '' : String(l.oncall_schedule_id),
        }))
      : [emptyLevel()],
  };
}

/** Levels are numbered as they stand. */
export function bodyOf(form: PolicyForm): PolicyInput {
  return {
    name: form.name.trim(),
    description: form.description.trim() || null,
    is_default: form.is_default,
    repeat_count: Number(form.repeats),
    levels: form.levels.map((l, i) => ({
      level_number: i + 1,
      delay_minutes: Number(l.delay),
      notify_email: l.email.trim() || null,
      notify_webhook: l.webhook.trim() || null,
      oncall_schedule_id: l.schedule === '' ? null : Number(l.schedule),
    })),
  };
}

/** "85" minutes are "1 h 25 min". */
export function minutesWords(minutes: number): string {
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return [hours > 0 && `${hours} h`, (rest > 0 || hours === 0) && `${rest} min`].filter(Boolean).join(' ');
}

/** Faults by the names that the server gives them. */
export function faultsOf(form: PolicyForm): Record<string, string | false> {
  const out: Record<string, string | false> = { name: form.name.trim() === '' && 'Give a name.' };
  form.levels.forEach((l, i) => {
    const delay = Number(l.delay);
    out[`levels.${i}.delay_minutes`] =
      !(Number.isInteger(delay) && delay >= 1 && delay <= 10_080) && 'Whole minutes, from 1 to 10080.';
    out[`levels.${i}.notify_email`] =
      l.email.trim() === '' && l.webhook.trim() === '' && l.schedule === '' && 'Say whom this level tells.';
  });
  return out;
}
