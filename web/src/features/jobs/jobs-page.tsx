import { callPath } from '@/api/customer';
import type { Job } from '@/api/updates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { executionStates } from '@/features/updates/progress';
import { RunList, RunRow, useRunsLimit } from '@/features/updates/runs';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader } from '@/ui/page';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/time';
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
    <RunRow
      to={`/jobs/${encodeURIComponent(j.job_id)}`}
      name={j.document_type}
      about={targetOf(j)}
      status={j.status}
      states={executionStates}
      counts={{ SUCCEEDED: j.succeeded_count, FAILED: j.failed_count }}
      succeeded={j.succeeded_count}
      failed={j.failed_count}
      total={j.total_executions}
      at={j.created_at}
    />
  );
}

export default function JobsPage() {
  useTitle('Jobs');
  const { params, set } = useUrl();
  const status = params.get('status');
  const limit = useRunsLimit();
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
        <RunList
          query={jobs}
          what="job"
          of={(data) => ({ runs: data.jobs, total: data.total })}
          row={(run) => <JobRow key={run.job_id} job={run} />}
          empty={
            <Empty title="No jobs yet" action={add}>
            A job gives a document to one device, a group or all, and follows how each gets on with
            it: a restart, a new configuration, a log to be fetched.
            </Empty>
          }
        />
      </div>
      {params.get('new') && <NewJob onClose={() => set({ new: null, device: null })} />}
    </>
  );
}
