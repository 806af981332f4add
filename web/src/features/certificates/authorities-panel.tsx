import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { certificatesApi, type Authority } from '@/api/certificates';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { many } from '@/lib/numbers';
import { Confirm } from '@/ui/confirm';
import { CopyValue } from '@/ui/copy';
import { Panel } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { Ago, useNow } from '@/ui/time';
import { AddAuthority } from './add-authority';
import { useAuthorities, useRefreshCertificates } from './queries';

function Row({ authority: a, onRemove }: { authority: Authority; onRemove: () => void }) {
  const over = Date.parse(a.not_after) <= useNow(Date.parse(a.not_after));
  return (
    <li
      data-authority={a.name}
      className="grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-4 border-b px-3 py-2.5 last:border-b-0"
    >
      <div className="min-w-0">
        <p className="flex flex-wrap items-baseline gap-x-3">
          <span className="font-medium">{a.name}</span>
          <span className="num text-ink-2">{many(a.active_certificates, 'active certificate')}</span>
        </p>
        <p className="text-12 break-words text-ink-2">
          {a.subject} ·{' '}
          <span className={over ? 'text-critical' : undefined}>
            {over ? '▲ expired ' : 'ends '}
            <Ago at={a.not_after} />
          </span>{' '}
          · added <Ago at={a.created_at} /> by {a.created_by}
        </p>
        <CopyValue text={a.fingerprint_sha256} name="fingerprint" />
      </div>
      <GatedButton needs={needs.removeAuthority} small kind="danger" onClick={onRemove}>
        Remove
      </GatedButton>
    </li>
  );
}

/** The organization's own CAs. */
export function AuthoritiesPanel() {
  const authorities = useAuthorities();
  const refresh = useRefreshCertificates();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Authority | null>(null);
  const remove = useMutation({
    mutationFn: (a: Authority) => certificatesApi.removeAuthority(a.ca_id),
    onSuccess: (r) => {
      toast.success(`The CA is removed, ${many(r.revoked_certificates, 'certificate')} revoked`);
      setRemoving(null);
      refresh();
    },
  });
  const add = (
    <GatedButton needs={needs.addAuthority} small onClick={() => setAdding(true)}>
      Add a CA
    </GatedButton>
  );
  return (
    <Panel title="Your CAs" aside={add}>
      {authorities.error && !authorities.data ? (
        <Failure error={authorities.error} what="Your CAs" retry={() => void authorities.refetch()} />
      ) : authorities.isPending ? (
        <SkeletonRows rows={2} label="Loading your CAs" />
      ) : authorities.data.length === 0 ? (
        <Empty title="Certificates come from Pulse's CA alone">
          Where your factory or your own PKI gives devices their certificates, add its CA: you prove once that
          you hold its key, and may then register what it signed. The key stays with you.
        </Empty>
      ) : (
        <ul aria-label="Your CAs">
          {authorities.data.map((a) => (
            <Row
              key={a.ca_id}
              authority={a}
              onRemove={() => {
                remove.reset();
                setRemoving(a);
              }}
            />
          ))}
        </ul>
      )}
      {adding && <AddAuthority onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm
          title={`Remove ${removing.name}?`}
          action="Remove"
          type={removing.active_certificates > 0 ? removing.name : undefined}
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(removing)}
          onClose={() => setRemoving(null)}
        >
          <p>
            {removing.active_certificates > 0
              ? `Its ${many(removing.active_certificates, 'active certificate')} are revoked with it: the devices are cut off at once. This can't be undone.`
              : 'No active certificate is of it. It can be added again, with a new proof.'}
          </p>
        </Confirm>
      )}
    </Panel>
  );
}
