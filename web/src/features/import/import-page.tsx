import { useState } from 'react';
import { Link } from 'react-router';
import { callPath } from '@/api/customer';
import { download } from '@/lib/csv';
import { count } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button, ButtonLink } from '@/ui/button';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Panel } from '@/ui/page';
import { Failure } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { DropZone } from './drop-zone';
import { ImportJobPanel, LargeImport, statusWords } from './large-import';
import { useImports } from './queries';
import { columns, isLarge, sample } from './rows';
import { SmallImport, type Chosen } from './small-import';

function Columns() {
  return (
    <Panel
      title="Columns"
      aside={
        <Button small onClick={() => download('devices.csv', sample)}>
          Download an example
        </Button>
      }
    >
      <dl>
        {columns.map(([name, words]) => (
          <div key={name} className="flex gap-3 border-b px-3 py-1.5 last:border-b-0">
            <dt className="w-28 shrink-0 font-mono text-12">{name}</dt>
            <dd className="min-w-0 text-ink-2">{words || 'optional'}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

/** Imports in the background of the last days. */
function Earlier() {
  const list = useImports();
  if (list.error && !list.data)
    return (
      <div className="panel">
        <Failure error={list.error} what="Earlier imports" retry={() => void list.refetch()} />
      </div>
    );
  if (!list.data?.length) return null;
  return (
    <Panel title="In the background">
      <ul>
        {list.data.map((job) => (
          <li key={job.import_id} className="border-b last:border-b-0">
            <Link
              to={`?import=${encodeURIComponent(job.import_id)}`}
              className="flex flex-wrap items-baseline gap-x-3 px-3 py-2 hover:bg-surface-2"
            >
              <span className="min-w-0 flex-1 truncate font-medium">{job.file_name}</span>
              <span className="num text-12 text-ink-2">
                {statusWords[job.status]} · {count(job.imported)} of {count(job.total)}
                {job.dry_run && ' fit'}
              </span>
              <span className="text-12 text-ink-3">
                <Ago at={job.created_at} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Many devices from a file: checked row by row before anything is written. */
export default function ImportPage() {
  useTitle('Import devices');
  const { get, set } = useUrl();
  const [chosen, setChosen] = useState<(Chosen & { large: boolean }) | null>(null);
  const [reading, setReading] = useState(false);
  const job = get('import');
  const take = async (file: File) => {
    setReading(true);
    const text = await file.text();
    setReading(false);
    setChosen({ file, text, large: isLarge(file.size, text) });
    set({ import: null });
  };
  const again = () => {
    setChosen(null);
    set({ import: null });
  };
  return (
    <>
      <PageHeader
        title="Import devices"
        actions={
          <>
            <CopyCall path={callPath('/devices/import-jobs')} />
            <ButtonLink to="/devices/provisioning">Provisioning keys</ButtonLink>
          </>
        }
      />
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="flex min-w-0 flex-col gap-4">
          {job ? (
            <ImportJobPanel key={job} id={job} onAgain={again} />
          ) : chosen === null ? (
            <DropZone onFile={(file) => void take(file)} busy={reading} />
          ) : chosen.large ? (
            <LargeImport
              chosen={chosen}
              onStarted={(id) => {
                setChosen(null);
                set({ import: id }, false);
              }}
              onAgain={again}
            />
          ) : (
            <SmallImport key={chosen.text} chosen={chosen} onAgain={again} />
          )}
          <Earlier />
        </div>
        <Columns />
      </div>
    </>
  );
}
