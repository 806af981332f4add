import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { asApiError } from '@/api/errors';
import { updates, type JobDetail } from '@/api/updates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import ActivityPanel from '@/features/audit/activity-panel';
import { deviceLink } from '@/features/devices/readings';
import { executionStates, ProgressBar, RunState, StateWord } from '@/features/updates/progress';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button, ButtonLink } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CodeBlock, CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader, Panel } from '@/ui/page';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { useJob, useRefreshJobs } from './queries';
import { targetOf } from './target';

const page = 50;
const filters = [
  { value: '', label: 'All' },
  ...executionStates.map((s) => ({ value: s.name, label: s.label })),
];

function Executions({ job }: { job: JobDetail }) {
  const { params, set } = useUrl();
  const offset = Math.max(0, Number(params.get('from') ?? 0) || 0);
  return (
    <Panel title="Devices" aside={many(job.total_executions, 'device')}>
      <div className="border-b px-3 py-2">
        <Segmented
          label="Devices by state"
          options={filters}
          value={params.get('status') ?? ''}
          onChange={(value) => set({ status: value, from: null })}
        />
      </div>
      {job.executions.length === 0 ? (
        <Empty title="No device stands so" />
      ) : (
        <ul>
          {job.executions.map((e) => (
            <li key={e.device_id} className="border-b last:border-b-0">
              <Link
                to={deviceLink(e.device_id)}
                className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-3 py-1.5 hover:bg-surface-2 md:grid-cols-[minmax(0,1fr)_7rem_minmax(0,1.4fr)_7rem]"
              >
                <span className="truncate font-mono text-12">{e.device_id}</span>
                <StateWord states={executionStates} status={e.status} />
                <span className="truncate font-mono text-12 text-ink-3 max-md:col-span-2">
                  {e.status_details ? JSON.stringify(e.status_details) : ''}
                </span>
                <span className="text-right text-ink-3 max-md:hidden">
                  <Ago at={e.last_updated_at} />
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {(offset > 0 || job.executions.length === page) && (
        <div className="flex items-center gap-2 border-t px-3 py-2">
          <Button
            small
            disabled={offset === 0}
            onClick={() => set({ from: offset > page ? String(offset - page) : null })}
          >
            Previous
          </Button>
          <Button
            small
            disabled={job.executions.length < page}
            onClick={() => set({ from: String(offset + page) })}
          >
            Next
          </Button>
        </div>
      )}
    </Panel>
  );
}

export default function JobPage() {
  const { jobId = '' } = useParams();
  const refresh = useRefreshJobs();
  const { params } = useUrl();
  const job = useJob(
    jobId,
    params.get('status'),
    Math.max(0, Number(params.get('from') ?? 0) || 0),
  );
  const [asking, setAsking] = useState(false);
  const j = job.data;
  useTitle(j ? `Job ${j.document_type}` : 'Job');
  const cancel = useMutation({
    mutationFn: () => updates.cancelJob(jobId, ''),
    onSuccess: () => {
      toast.success('The job is canceled');
      setAsking(false);
      refresh();
    },
  });
  if (job.error && asApiError(job.error).status === 404)
    return (
      <div className="panel">
        <Empty
          title={`There is no job ${jobId}`}
          action={
            <ButtonLink kind="primary" to="/jobs">
              All jobs
            </ButtonLink>
          }
        />
      </div>
    );
  if (job.error && !j)
    return (
      <div className="panel">
        <Failure error={job.error} what="The job" retry={() => void job.refetch()} />
      </div>
    );
  if (!j) return <Skeleton className="h-7 w-64" />;
  return (
    <>
      <PageHeader
        title={j.document_type}
        facts={
          <>
            <RunState status={j.status} />
            <CopyValue text={j.job_id} name="job id" />
            <span>{targetOf(j)}</span>
            {j.expires_at && j.status === 'IN_PROGRESS' && (
              <span>expires {new Date(j.expires_at).toLocaleString()}</span>
            )}
          </>
        }
        actions={
          <>
            <CopyCall path={callPath(`/jobs/${encodeURIComponent(j.job_id)}`)} />
            {j.status === 'IN_PROGRESS' && (
              <GatedButton needs={needs.cancelJob} kind="danger" onClick={() => setAsking(true)}>
                Cancel job
              </GatedButton>
            )}
          </>
        }
      />
      <div className="panel mb-4 px-3 py-3">
        <ProgressBar
          states={executionStates}
          counts={{ SUCCEEDED: j.succeeded_count, FAILED: j.failed_count }}
          total={j.total_executions}
        />
        <p className="num mt-1.5 text-12 text-ink-2" aria-live="polite">
          {count(j.succeeded_count)} of {many(j.total_executions, 'device')} succeeded,{' '}
          {count(j.failed_count)} failed, {count(j.open_count)} open
        </p>
      </div>
      <div className="mb-4">
        <CodeBlock label="Parameters" text={JSON.stringify(j.document_params, null, 2)} />
      </div>
      <Executions job={j} />
      <ActivityPanel className="mt-4" filter={{ entity_type: 'job', entity_id: j.job_id }} />
      {asking && (
        <Confirm
          title="Cancel this job?"
          action="Cancel job"
          busy={cancel.isPending}
          error={cancel.error}
          onConfirm={() => cancel.mutate()}
          onClose={() => {
            cancel.reset();
            setAsking(false);
          }}
        >
          <p>Devices that have not begun are not asked any more. Those that have begun go on.</p>
        </Confirm>
      )}
    </>
  );
}
