import type { Job } from '@/api/updates';

/** Whom a job is for, in words. */
export function targetOf(job: Job): string {
  if (job.target_device_id) return `device ${job.target_device_id}`;
  return job.target_group_id ? `group ${job.target_group_id}` : 'all devices';
}
