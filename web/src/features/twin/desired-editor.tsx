// The desired document as text. It is saved against the version that it was made from: what somebody
// else saved meanwhile is shown first.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { toast } from 'sonner';
import { control, type JsonObject, type Twin } from '@/api/control';
import { asApiError } from '@/api/errors';
import { GatedButton, useWhyNot } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { Button } from '@/ui/button';
import { AreaField } from '@/ui/field';
import { Panel } from '@/ui/page';
import { ActionError } from '@/ui/states';
import { changeWords, DiffTable } from './diff-table';
import { diffRows, parseDocument, pretty, same } from './diff';
import { twinKey } from './queries';

/** The document as it was when the editing began. */
interface Base {
  document: JsonObject;
  version: number;
}
const baseOf = (twin: Twin): Base => ({ document: twin.desired, version: twin.desired_version });

function Conflict({
  base,
  twin,
  onTake,
  onKeep,
}: {
  base: Base;
  twin: Twin;
  onTake: () => void;
  onKeep: () => void;
}) {
  const rows = diffRows(base.document, twin.desired).filter((r) => r.state !== 'same');
  return (
    <div role="alert" className="flex flex-col gap-2 rounded-m border border-warning px-3 py-2">
      <p>
        <span aria-hidden="true">▲ </span>
        Version {twin.desired_version} was saved while you edited version {base.version}. It changed:
      </p>
      {rows.length > 0 ? (
        <DiffTable
          rows={rows}
          left={`Version ${base.version}`}
          right={`Version ${twin.desired_version}`}
          words={changeWords}
          label="What the other change did"
        />
      ) : (
        <p className="text-ink-2">Nothing: it has the same content.</p>
      )}
      <div className="flex flex-wrap gap-2">
        <Button small onClick={onTake}>
          Drop mine, edit version {twin.desired_version}
        </Button>
        <Button small onClick={onKeep}>
          Keep my text, and save it over version {twin.desired_version}
        </Button>
      </div>
    </div>
  );
}

export function DesiredEditor({
  twin,
  onDirty,
}: {
  twin: Twin;
  onDirty: (dirty: boolean) => void;
}) {
  const queries = useQueryClient();
  const [base, setBase] = useState<Base>(() => baseOf(twin));
  const [text, setText] = useState(() => pretty(twin.desired));
  const locked = useWhyNot(needs.writeTwin) !== undefined;
  const parsed = parseDocument(text);
  const dirty = text !== pretty(base.document);
  const behind = twin.desired_version > base.version;
  const take = (next: Twin) => {
    setBase(baseOf(next));
    setText(pretty(next.desired));
  };
  // Who has typed nothing sees what others save at once.
  useEffect(() => {
    if (behind && !dirty) take(twin);
  }, [behind, dirty, twin]);
  useEffect(() => onDirty(dirty), [dirty, onDirty]);
  const save = useMutation({
    mutationFn: (document: JsonObject) => control.setDesired(twin.device_id, document, base.version),
    onSuccess: (saved, document) => {
      toast.success(`Version ${saved.desired_version} is saved and on its way to the device`);
      setBase({ document, version: saved.desired_version });
      setText(pretty(document));
      void queries.invalidateQueries({ queryKey: twinKey(twin.device_id) });
    },
    onError: (error) => {
      // Somebody was faster: what they saved is fetched, and shown above.
      if (asApiError(error).status === 409)
        void queries.invalidateQueries({ queryKey: twinKey(twin.device_id) });
    },
  });
  const conflict = asApiError(save.error).status === 409;
  const document = 'document' in parsed ? parsed.document : null;
  const unchanged = document !== null && same(document, base.document);
  return (
    <Panel
      title="Desired state"
      aside={<span className="num">version {base.version}</span>}
    >
      <form
        className="flex flex-col gap-3 px-3 py-3"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (document && !save.isPending && !behind) save.mutate(document);
        }}
      >
        <AreaField
          label="Document"
          mono
          rows={Math.min(24, Math.max(8, text.split('\n').length + 1))}
          value={text}
          readOnly={locked}
          onChange={(next) => {
            setText(next);
            if (save.error) save.reset();
          }}
          fault={'fault' in parsed ? parsed.fault : undefined}
          help="A JSON object of at most 16 KiB. The device is told at once, or when it comes back."
        />
        {behind && dirty && (
          <Conflict
            base={base}
            twin={twin}
            onTake={() => {
              take(twin);
              save.reset();
            }}
            onKeep={() => {
              setBase(baseOf(twin));
              save.reset();
            }}
          />
        )}
        {!conflict && <ActionError error={save.error} />}
        <div className="flex flex-wrap justify-end gap-2">
          {document && text !== pretty(document) && (
            <Button onClick={() => setText(pretty(document))}>Format</Button>
          )}
          {dirty && <Button onClick={() => take(twin)}>Discard</Button>}
          <GatedButton
            needs={needs.writeTwin}
            type="submit"
            kind="primary"
            busy={save.isPending}
            disabled={!document || unchanged || behind}
          >
            Save
          </GatedButton>
        </div>
      </form>
    </Panel>
  );
}
