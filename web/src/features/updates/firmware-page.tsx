import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { callPath } from '@/api/customer';
import { updates, type Firmware } from '@/api/updates';
import { GatedButton, GatedLink } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { many } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { ButtonLink } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { PageHeader, Tag } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useTitle } from '@/ui/time';
import { bytes } from './bytes';
import { useFirmware } from './queries';
import { UploadFirmware } from './upload-firmware';

function FirmwareRow({ firmware: f, onDelete }: { firmware: Firmware; onDelete: () => void }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-3 py-2 last:border-b-0">
      <div className="min-w-0 flex-1 basis-60">
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-medium">{f.version}</span>
          {f.device_type && <Tag>{f.device_type}</Tag>}
          {f.signature && <Tag>signed</Tag>}
          {!f.uploaded && <Tag>kept elsewhere</Tag>}
        </span>
        {f.description && <span className="block truncate text-12 text-ink-3">{f.description}</span>}
        {f.checksum_sha256 && <CopyValue text={f.checksum_sha256} name="SHA-256" />}
      </div>
      <span className="num text-12 text-ink-2">
        {f.file_size_bytes != null && bytes(f.file_size_bytes)}
      </span>
      <span className="text-12 text-ink-3">
        <Ago at={f.created_at} />
      </span>
      <span className="flex gap-2">
        <a
          href={f.file_url}
          className="inline-flex h-7 items-center rounded-m border border-line-strong bg-surface px-2 text-12 font-medium hover:bg-surface-2"
          aria-label={`Download ${f.version}`}
        >
          Download
        </a>
        <GatedLink needs={needs.createCampaign} small to={`/updates?new=1&firmware=${f.id}`}>
          Roll out
        </GatedLink>
        <GatedButton
          needs={needs.deleteFirmware}
          small
          kind="danger"
          onClick={onDelete}
          aria-label={`Delete ${f.version}`}
        >
          Delete
        </GatedButton>
      </span>
    </li>
  );
}

export default function FirmwarePage() {
  useTitle('Firmware');
  const queries = useQueryClient();
  const firmware = useFirmware();
  const { params, set } = useUrl();
  const [going, setGoing] = useState<Firmware | null>(null);
  const remove = useMutation({
    mutationFn: (f: Firmware) => updates.deleteFirmware(f.id),
    onSuccess: (_, f) => {
      toast.success(`${f.version} is deleted`);
      setGoing(null);
      void queries.invalidateQueries({ queryKey: ['firmware'] });
    },
  });
  const add = (
    <GatedButton needs={needs.addFirmware} kind="primary" onClick={() => set({ new: '1' })}>
      Upload firmware
    </GatedButton>
  );
  return (
    <>
      <PageHeader
        title="Firmware"
        facts={
          firmware.data && (
            <>
              <span>{many(firmware.data.total, 'version')}</span>
              <span>
                {bytes(firmware.data.stored_bytes)} of {bytes(firmware.data.stored_bytes_max)} stored
              </span>
            </>
          )
        }
        actions={
          <>
            <CopyCall path={callPath('/firmware')} />
            <ButtonLink to="/updates">Campaigns</ButtonLink>
            {add}
          </>
        }
      />
      <div className="panel">
        {firmware.error && !firmware.data ? (
          <Failure error={firmware.error} what="Firmware" retry={() => void firmware.refetch()} />
        ) : firmware.isPending ? (
          <SkeletonRows rows={4} label="Loading firmware" />
        ) : firmware.data.firmware_versions.length === 0 ? (
          <Empty title="No firmware yet" action={add}>
            Upload what your devices are to run. Pulse keeps the file and its checksum, and hands
            devices a link that expires.
          </Empty>
        ) : (
          <ul>
            {firmware.data.firmware_versions.map((f) => (
              <FirmwareRow key={f.id} firmware={f} onDelete={() => setGoing(f)} />
            ))}
          </ul>
        )}
      </div>
      {params.get('new') && <UploadFirmware onClose={() => set({ new: null })} />}
      {going && (
        <Confirm
          title={`Delete ${going.version}?`}
          action={`Delete ${going.version}`}
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(going)}
          onClose={() => {
            remove.reset();
            setGoing(null);
          }}
        >
          <p>Its file goes with it. This can't be undone.</p>
        </Confirm>
      )}
    </>
  );
}
