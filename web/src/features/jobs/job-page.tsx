import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useParams } from 'react-router';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { updates, type JobDetail } from '@/api/updates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import ActivityPanel from '@/features/audit/activity-panel';
import { executionStates, RunState } from '@/features/updates/progress';
import {
  DevicePages,
  devicesAPage,
  RunDevice,
  RunPage,
  RunProgress,
  useDevicesFrom,
} from '@/features/updates/runs';
import { count, many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Confirm } from '@/ui/confirm';
import { CodeBlock, CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { Segmented } from '@/ui/field';
import { PageHeader, Panel } from '@/ui/page';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { useJob, useRefreshJobs } from './queries';
import { targetOf } from './target';

const filters = [
  { value: '', label: 'All' },
  ...executionStates.map((s) => ({ value: s.name, label: s.label })),
];

function Executions({ job }: { job: JobDetail }) {
  const { params, set } = useUrl();
  const from = useDevicesFrom();
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
            <RunDevice
              key={e.device_id}
              id={e.device_id}
              states={executionStates}
              status={e.status}
              at={e.last_updated_at}
              columns="md:grid-cols-[minmax(0,1fr)_7rem_minmax(0,1.4fr)_7rem]"
            >
              <span className="truncate font-mono text-12 text-ink-3 max-md:col-span-2">
                {e.status_details ? JSON.stringify(e.status_details) : ''}
              </span>
            </RunDevice>
          ))}
        </ul>
      )}
      {(from > 0 || job.executions.length === devicesAPage) && (
        <DevicePages more={job.executions.length === devicesAPage} />
      )}
    </Panel>
  );
}

export default function JobPage() {
  const { jobId = '' } = useParams();
  const refresh = useRefreshJobs();
  const { params } = useUrl();
  const job = useJob(jobId, params.get('status'), useDevicesFrom());
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
  return (
    <RunPage query={job} what="job" id={jobId} all="/jobs">
      {(j) => (
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
            <RunProgress
              states={executionStates}
              counts={{ SUCCEEDED: j.succeeded_count, FAILED: j.failed_count }}
              total={j.total_executions}
            >
              {count(j.succeeded_count)} of {many(j.total_executions, 'device')} succeeded,{' '}
              {count(j.failed_count)} failed, {count(j.open_count)} open
            </RunProgress>
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
      )}
    </RunPage>
  );
}
