import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import type { Job } from '@/api/updates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { executionStates, ProgressBar, RunState } from '@/features/updates/progress';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { NewJob } from './new-job';
import { useJobs } from './queries';
import { targetOf } from './target';

const filters = [
  { value: '', label: 'All' },
  { value: 'IN_PROGRESS', label: 'In progress' },
  { value: 'COMPLETED', label: 'Completed' },
  { value: 'CANCELED', label: 'Canceled' },
];

function JobRow({ job: j }: { job: Job }) {
  return (
    <li className="border-b last:border-b-0">
      <Link
        to={`/jobs/${encodeURIComponent(j.job_id)}`}
        className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-3 py-2 hover:bg-surface-2 md:grid-cols-[minmax(0,1.4fr)_8rem_minmax(0,1fr)_9rem_6rem]"
      >
        <span className="min-w-0">
          <span className="block truncate font-medium">{j.document_type}</span>
          <span className="block truncate text-12 text-ink-3">{targetOf(j)}</span>
        </span>
        <RunState status={j.status} />
        <span className="col-span-2 md:col-span-1">
          <ProgressBar
            thin
            states={executionStates}
            counts={{ SUCCEEDED: j.succeeded_count, FAILED: j.failed_count }}
            total={j.total_executions}
          />
        </span>
        <span className="num text-12 text-ink-2">
          {j.succeeded_count} of {many(j.total_executions, 'device')}
          {j.failed_count > 0 && <span className="text-critical"> · {j.failed_count} failed</span>}
        </span>
        <span className="hidden text-right text-ink-3 md:block">
          <Ago at={j.created_at} />
        </span>
      </Link>
    </li>
  );
}

export default function JobsPage() {
  useTitle('Jobs');
  const { params, set } = useUrl();
  const status = params.get('status');
  const limit = Number(params.get('limit') ?? 50);
  const jobs = useJobs(status, limit);
  const add = (
    <GatedButton needs={needs.createJob} kind="primary" onClick={() => set({ new: '1' })}>
      New job
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Jobs"
        facts={jobs.data && <span>{many(jobs.data.total, 'job')}</span>}
        actions={
          <>
            <CopyCall path={callPath('/jobs')} />
            {add}
          </>
        }
      />
      <Segmented
        label="Jobs by state"
        className="mb-2.5"
        options={filters}
        value={status ?? ''}
        onChange={(value) => set({ status: value })}
      />
      <div className="panel">
        {jobs.error && !jobs.data ? (
          <Failure error={jobs.error} what="Jobs" retry={() => void jobs.refetch()} />
        ) : jobs.isPending ? (
          <SkeletonRows rows={4} label="Loading jobs" />
        ) : jobs.data.jobs.length === 0 ? (
          status ? (
            <Empty title="No job stands so" />
          ) : (
            <Empty title="No jobs yet" action={add}>
              A job gives a document to one device, a group or all, and follows how each gets on with
              it: a restart, a new configuration, a log to be fetched.
            </Empty>
          )
        ) : (
          <ul>
            {jobs.data.jobs.map((j) => (
              <JobRow key={j.job_id} job={j} />
            ))}
            {jobs.data.total > jobs.data.jobs.length && limit < 200 && (
              <li className="px-3 py-2">
                <Button small onClick={() => set({ limit: String(Math.min(200, limit + 50)) })}>
                  Show more
                </Button>
              </li>
            )}
          </ul>
        )}
      </div>
      {params.get('new') && <NewJob onClose={() => set({ new: null, device: null })} />}
    </>
  );
}
