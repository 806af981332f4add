import type { UseQueryResult } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { Certificate, CertificatePage, CertificateStatus } from '@/api/certificates';
import { count } from '@/lib/numbers';
import { useUrl } from '@/lib/use-url';
import { Button } from '@/ui/button';
import { Segmented } from '@/ui/field';
import { Panel } from '@/ui/page';
import { Empty, Failure, SkeletonRows } from '@/ui/states';
import { CertificateRow } from './certificate-row';

const step = 50;
/** The server gives no more at once. */
const most = 1000;
const choices = [
  { value: 'ACTIVE', label: 'Active' },
  { value: 'REVOKED', label: 'Revoked' },
  { value: 'EXPIRED', label: 'Expired' },
  { value: 'all', label: 'All' },
];

/** Certificates of many devices by status, which stands in the address. */
export function StatusList({
  useList,
  deviceOf,
  filter,
  hint,
}: {
  useList: (status: CertificateStatus | undefined, limit: number) => UseQueryResult<CertificatePage>;
  /** Whose it is, as a link where there is a page. */
  deviceOf: (c: Certificate) => ReactNode;
  /** Further choices beside the status. */
  filter?: ReactNode;
  /** Where certificates come from, for who sees none. */
  hint: ReactNode;
}) {
  const { get, set } = useUrl();
  const [shown, setShown] = useState(step);
  const wanted = get('status');
  const status = choices.some((c) => c.value === wanted) ? wanted! : 'ACTIVE';
  const certificates = useList(status === 'all' ? undefined : (status as CertificateStatus), shown);
  const data = certificates.data;
  return (
    <Panel title="Certificates of devices" aside={data && <span className="num">{count(data.total)}</span>}>
      <div className="flex flex-wrap gap-2 border-b px-3 py-2">
        <Segmented
          label="Status"
          options={choices}
          value={status}
          onChange={(x) => {
            setShown(step);
            set({ status: x === 'ACTIVE' ? null : x });
          }}
        />
        {filter}
      </div>
      {certificates.error && !data ? (
        <Failure error={certificates.error} what="Certificates" retry={() => void certificates.refetch()} />
      ) : !data ? (
        <SkeletonRows rows={4} label="Loading certificates" />
      ) : data.certificates.length === 0 ? (
        <Empty
          title={
            status === 'all' ? 'No device has a certificate' : `No certificate is ${status.toLowerCase()}`
          }
        >
          {hint}
        </Empty>
      ) : (
        <>
          <ul aria-label="Certificates of devices">
            {data.certificates.map((c) => (
              <CertificateRow key={c.id} certificate={c} device={deviceOf(c)} />
            ))}
          </ul>
          {data.total > data.certificates.length && shown < most && (
            <div className="border-t px-3 py-2">
              <Button
                small
                busy={certificates.isFetching}
                onClick={() => setShown(Math.min(most, shown + 4 * step))}
              >
                Show more
              </Button>
            </div>
          )}
        </>
      )}
    </Panel>
  );
}
