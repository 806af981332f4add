import { useNavigate } from 'react-router';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import { setDismissed } from '@/features/start/queries';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Kbd } from '@/ui/page';
import { pagesOf } from './nav';

/** Keys that operators' pages have none of. */
const customers = new Set(['e']);
const keys: [string, string][] = [
  ['Ctrl K', 'Search or run a command'],
  ['/', 'Search on this page'],
  ['j  k', 'Move down and up in a table'],
  ['Enter', 'Open the row'],
  ['x', 'Select the row'],
  ['Shift x', 'Select from the last one to this row'],
  ['e', 'Acknowledge the alert, or those selected, and go on with the next'],
  ['Esc', 'Take the selection back, or close what is open beside the list'],
  ['?', 'This help'],
];

/** Keys, and the way back to Getting Started. */
export default function Help({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const { tenant, kind } = useSession();
  const { may } = usePermissions();
  const all: [string, string][] = [
    ...keys.filter(([key]) => kind === 'customer' || !customers.has(key)),
    ...pagesOf(kind, may).filter((p) => p.key).map((p): [string, string] => [`g ${p.key}`, p.label]),
  ];
  return (
    <Dialog open onClose={onClose} title="Help and keys">
      <dl className="grid grid-cols-[6rem_1fr] gap-y-1.5">
        {all.map(([key, what]) => (
          <div key={key} className="contents">
            <dt>
              <Kbd>{key}</Kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      {kind === 'customer' && (
        <div className="mt-4 flex flex-wrap gap-2 border-t pt-4">
          <Button
            onClick={() => {
              setDismissed(tenant, false);
              onClose();
              void navigate('/fleet/getting-started');
            }}
          >
            Open Getting started
          </Button>
          <Button
            onClick={() => {
              onClose();
              void navigate('/fleet/tools');
            }}
          >
            How devices connect
          </Button>
        </div>
      )}
    </Dialog>
  );
}
