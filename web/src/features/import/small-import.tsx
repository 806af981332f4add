// A file that one request takes: checked at once, then imported when its reader says so.
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { toast } from 'sonner';
import { imports, type ImportAnswer } from '@/api/imports';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { useSession } from '@/auth/session';
import { useRefreshFleet } from '@/features/devices/queries';
import { download } from '@/lib/csv';
import { count, many } from '@/lib/numbers';
import { Button, ButtonLink } from '@/ui/button';
import { Panel } from '@/ui/page';
import { ActionError, SkeletonRows } from '@/ui/states';
import { ResultTable } from './result-table';
import { credentialsCsv, refusedCsv, resultCsv, stem } from './rows';

export interface Chosen {
  file: File;
  text: string;
}

/** Leaving would lose passwords that are shown this once. */
function useLeaveWarning(on: boolean) {
  useEffect(() => {
    if (!on) return;
    const warn = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [on]);
}

function Done({ answer, chosen, onAgain }: { answer: ImportAnswer; chosen: Chosen; onAgain: () => void }) {
  const { tenant } = useSession();
  const name = stem(chosen.file.name);
  const secrets = answer.results.some((r) => r.password);
  const [saved, setSaved] = useState(false);
  useLeaveWarning(secrets && !saved);
  return (
    <div className="flex flex-col gap-3 border-b px-3 py-3">
      <p role="status" className="font-medium text-online">
        <span aria-hidden="true">✓ </span>
        {many(answer.imported, 'device')} imported
        {answer.failed > 0 && <span className="text-critical"> · {count(answer.failed)} refused</span>}
      </p>
      {secrets && (
        <p className="rounded-m bg-warning-soft px-3 py-2 text-warning">
          <span aria-hidden="true">▲ </span>
          The passwords are in this window alone. Download them now; a lost one is replaced by rotating
          the device's credentials.
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {secrets && (
          <Button
            kind="primary"
            onClick={() => {
              download(`${name}-credentials.csv`, credentialsCsv(answer, tenant));
              setSaved(true);
            }}
          >
            Download credentials
          </Button>
        )}
        <Button onClick={() => download(`${name}-result.csv`, resultCsv(answer))}>
          Download result
        </Button>
        {answer.failed > 0 && (
          <Button onClick={() => download(`${name}-refused.csv`, refusedCsv(chosen.text, answer))}>
            Download refused rows
          </Button>
        )}
        <Button kind="quiet" onClick={onAgain}>
          Another file
        </Button>
        <ButtonLink kind="quiet" to="/devices?sort=-created_at">
          Open devices
        </ButtonLink>
      </div>
    </div>
  );
}

export function SmallImport({ chosen, onAgain }: { chosen: Chosen; onAgain: () => void }) {
  const refresh = useRefreshFleet();
  const [credentials, setCredentials] = useState(true);
  const check = useMutation({ mutationFn: () => imports.send(chosen.file, { dry_run: true }) });
  const run = useMutation({
    mutationFn: () => imports.send(chosen.file, { credentials }),
    onSuccess: (answer) => {
      toast.success(`${many(answer.imported, 'device')} imported`);
      refresh();
    },
  });
  const { mutate } = check;
  useEffect(() => mutate(), [mutate]);
  const done = run.data;
  const checked = check.data;
  const answer = done ?? checked;
  return (
    <Panel
      title={chosen.file.name}
      aside={answer && <span className="num">{many(answer.total, 'row')}</span>}
    >
      {check.error && (
        <div className="flex flex-col items-start gap-3 p-3">
          <ActionError error={check.error} />
          <Button onClick={onAgain}>Choose another file</Button>
        </div>
      )}
      {check.isPending && <SkeletonRows label="Checking each row" />}
      {done && <Done answer={done} chosen={chosen} onAgain={onAgain} />}
      {checked && !done && (
        <div className="flex flex-col gap-3 border-b px-3 py-3">
          <p role="status">
            <span className="font-medium text-online">{count(checked.imported)} fit</span>
            {checked.failed > 0 && (
              <span className="text-critical"> · {count(checked.failed)} have problems</span>
            )}
            <span className="text-ink-2"> · nothing is written yet</span>
          </p>
          {checked.ignored_columns.length > 0 && (
            <p className="text-warning">
              <span aria-hidden="true">▲ </span>
              Ignored columns: {checked.ignored_columns.join(', ')}
            </p>
          )}
          <label className="flex items-center gap-2">
            <input
              type="checkbox"
              checked={credentials}
              onChange={(e) => setCredentials(e.target.checked)}
            />
            Make a credential for each device, to download once
          </label>
          <ActionError error={run.error} />
          <div className="flex flex-wrap gap-2">
            <GatedButton
              needs={needs.importDevices}
              kind="primary"
              busy={run.isPending}
              disabled={checked.imported === 0}
              onClick={() => run.mutate()}
            >
              Import {many(checked.imported, 'device')}
            </GatedButton>
            {checked.failed > 0 && (
              <Button
                onClick={() =>
                  download(`${stem(chosen.file.name)}-refused.csv`, refusedCsv(chosen.text, checked))
                }
              >
                Download rows to mend
              </Button>
            )}
            <Button kind="quiet" onClick={onAgain}>
              Choose another file
            </Button>
          </div>
        </div>
      )}
      {answer && <ResultTable key={String(answer.dry_run)} answer={answer} />}
    </Panel>
  );
}
