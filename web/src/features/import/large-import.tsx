// A file for the background, and what is known of one that is there.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { imports, type ImportJob } from '@/api/imports';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { cx } from '@/lib/cx';
import { download } from '@/lib/csv';
import { count, many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { Panel } from '@/ui/page';
import { ActionError, Failure, Skeleton } from '@/ui/states';
import { Ago } from '@/ui/time';
import { underWay, useImport } from './queries';
import type { Chosen } from './small-import';

export const statusWords: Record<ImportJob['status'], string> = {
  queued: 'Waiting',
  running: 'Under way',
  completed: 'Completed',
  cancelled: 'Cancelled',
  failed: 'Failed',
};

/** Asks whether to check it or to import it. */
export function LargeImport({
  chosen,
  onStarted,
  onAgain,
}: {
  chosen: Chosen;
  onStarted: (id: string) => void;
  onAgain: () => void;
}) {
  const queries = useQueryClient();
  const start = useMutation({
    mutationFn: (dryRun: boolean) => imports.start(chosen.file, dryRun),
    onSuccess: (job) => {
      void queries.invalidateQueries({ queryKey: ['imports'] });
      onStarted(job.import_id);
    },
  });
  return (
    <Panel title={chosen.file.name}>
      <div className="flex flex-col gap-3 p-3">
        <p>
          This file is too large for one request, so it is worked off in the background. You may close
          the page meanwhile; a restart of the server does not lose your place.
        </p>
        <ActionError error={start.error} />
        <div className="flex flex-wrap gap-2">
          <GatedButton
            needs={needs.importDevices}
            kind="primary"
            busy={start.isPending}
            onClick={() => start.mutate(true)}
          >
            Check every row first
          </GatedButton>
          <GatedButton
            needs={needs.importDevices}
            busy={start.isPending}
            onClick={() => start.mutate(false)}
          >
            Import in the background
          </GatedButton>
          <Button kind="quiet" onClick={onAgain}>
            Choose another file
          </Button>
        </div>
      </div>
    </Panel>
  );
}

function Bar({ job }: { job: ImportJob }) {
  const share = job.total === 0 ? 100 : (job.done / job.total) * 100;
  return (
    <div
      role="progressbar"
      aria-label="Rows done"
      aria-valuemin={0}
      aria-valuemax={job.total}
      aria-valuenow={job.done}
      className="h-1.5 rounded-full bg-surface-2"
    >
      <div
        className={cx('h-1.5 rounded-full', job.status === 'failed' ? 'bg-critical' : 'bg-accent')}
        style={{ width: `${share}%` }}
      />
    </div>
  );
}

/** Progress, result and credentials of an import in the background. */
export function ImportJobPanel({ id, onAgain }: { id: string; onAgain: () => void }) {
  const queries = useQueryClient();
  const job = useImport(id);
  const [asking, setAsking] = useState<'cancel' | 'credentials' | null>(null);
  const cancel = useMutation({
    mutationFn: () => imports.cancel(id),
    onSuccess: () => {
      setAsking(null);
      void queries.invalidateQueries({ queryKey: ['imports'] });
    },
  });
  const credentials = useMutation({
    mutationFn: () => imports.credentials(id),
    onSuccess: (file) => {
      setAsking(null);
      download(`${id}-credentials.csv`, file);
    },
  });
  if (job.error && !job.data)
    return (
      <div className="panel">
        <Failure error={job.error} what="The import" retry={() => void job.refetch()} />
      </div>
    );
  if (!job.data) return <Skeleton className="h-40" />;
  const j = job.data;
  const busy = underWay(j);
  return (
    <Panel title={j.file_name} aside={<Ago at={j.created_at} />}>
      <div className="flex flex-col gap-3 p-3">
        <Bar job={j} />
        <p role="status" data-import={j.status}>
          <span className="font-medium">{statusWords[j.status]}</span>
          {j.dry_run && ' (check only)'} · {count(j.done)} of {many(j.total, 'row')} ·{' '}
          <span className="text-online">
            {count(j.imported)} {j.dry_run ? 'fit' : 'imported'}
          </span>
          {j.failed > 0 && <span className="text-critical"> · {count(j.failed)} refused</span>}
        </p>
        {j.problem && <p className="text-critical">▲ {j.problem}</p>}
        {j.ignored_columns.length > 0 && (
          <p className="text-warning">
            <span aria-hidden="true">▲ </span>Ignored columns: {j.ignored_columns.join(', ')}
          </p>
        )}
        <div className="flex flex-wrap gap-2">
          {busy ? (
            <GatedButton needs={needs.importDevices} kind="danger" onClick={() => setAsking('cancel')}>
              Cancel what is left
            </GatedButton>
          ) : (
            <>
              <a
                href={imports.resultPath(id)}
                download
                className="inline-flex h-8 items-center rounded-m border border-line-strong bg-surface px-3 font-medium hover:bg-surface-2"
              >
                Download result
              </a>
              {!j.dry_run && j.imported > 0 && (
                <GatedButton
                  needs={needs.importDevices}
                  kind="primary"
                  onClick={() => setAsking('credentials')}
                >
                  Make credentials
                </GatedButton>
              )}
            </>
          )}
          <Button kind="quiet" onClick={onAgain}>
            Another file
          </Button>
        </div>
      </div>
      {asking === 'cancel' && (
        <Confirm
          title="Cancel what is left?"
          action="Cancel the rest"
          busy={cancel.isPending}
          error={cancel.error}
          onConfirm={() => cancel.mutate()}
          onClose={() => setAsking(null)}
        >
          The devices that are imported already stay.
        </Confirm>
      )}
      {asking === 'credentials' && (
        <Confirm
          title={`Make credentials for ${many(j.imported, 'device')}?`}
          action="Make and download"
          busy={credentials.isPending}
          error={credentials.error}
          onConfirm={() => credentials.mutate()}
          onClose={() => setAsking(null)}
        >
          They are in the file this once. Credentials that an earlier download of this import made end.
        </Confirm>
      )}
    </Panel>
  );
}
