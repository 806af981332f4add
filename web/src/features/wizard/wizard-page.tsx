import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { api } from '@/api/customer';
import type { Credentials } from '@/api/types';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { CredentialsBox, keepCredentials } from '@/features/connect/credentials';
import { Languages } from '@/features/connect/languages';
import { Listening } from '@/features/connect/listening';
import { useRefreshFleet } from '@/features/devices/queries';
import { deviceLink } from '@/features/devices/readings';
import { cx } from '@/lib/cx';
import { idFault, numberOrNull, useForm } from '@/lib/use-form';
import { useUrl } from '@/lib/use-url';
import { Button, ButtonLink } from '@/ui/button';
import { PageHeader } from '@/ui/page';
import { ActionError } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { IdentityStep, LocationStep, TemplateStep } from './steps';

const titles = ['Template', 'Identity', 'Location', 'Connect'] as const;

interface Made {
  id: string;
  site: string | null;
  credentials: Credentials | null;
  /** What did not work after the device was there. */
  error: unknown;
}

function Progress({ at }: { at: number }) {
  return (
    <ol className="mb-4 flex gap-1 sm:gap-2" aria-label="Steps">
      {titles.map((title, i) => (
        <li
          key={title}
          aria-current={i === at ? 'step' : undefined}
          className={cx(
            'min-w-0 flex-1 border-t-2 pt-1.5 text-12 sm:text-13',
            i === at ? 'border-accent font-medium' : i < at ? 'border-online text-ink-2' : 'text-ink-3',
          )}
        >
          <span aria-hidden="true">{i < at ? '✓ ' : `${i + 1} `}</span>
          {title}
          {i < at && <span className="sr-only"> done</span>}
        </li>
      ))}
    </ol>
  );
}

/** The last step: the credential, commands with it, and the first message as it comes. */
function Connect({ made, onAgain }: { made: Made; onAgain: () => void }) {
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className="font-medium text-online">
        <span aria-hidden="true">✓ </span>
        {made.id} is created
      </p>
      {made.error !== null && <ActionError error={made.error} />}
      {made.credentials && <CredentialsBox credentials={made.credentials} />}
      <h2>Send a first message</h2>
      <Languages device={made.id} site={made.site} state={null} credentials={made.credentials} />
      <Listening device={made.id} />
      <div className="flex flex-wrap gap-2">
        <ButtonLink kind="primary" to={deviceLink(made.id)}>
          Open {made.id}
        </ButtonLink>
        <Button onClick={onAgain}>Set up another</Button>
      </div>
    </div>
  );
}

const empty = {
  template_id: '',
  device_id: '',
  name: '',
  serial_number: '',
  site_id: '',
  latitude: '',
  longitude: '',
};
export type WizardValues = typeof empty;

const coordinate = (value: string, most: number) => {
  const n = numberOrNull(value);
  return n !== null && !(Math.abs(n) <= most) && `A number from -${most} to ${most}.`;
};

/** What the device is beyond what it is created with. */
function more(v: WizardValues) {
  return {
    ...(v.serial_number.trim() ? { serial_number: v.serial_number.trim() } : {}),
    ...(v.latitude.trim() ? { latitude: Number(v.latitude), longitude: Number(v.longitude) } : {}),
  };
}

async function create(v: WizardValues): Promise<Made> {
  await api.createDevice({
    device_id: v.device_id,
    name: v.name.trim() || null,
    site_id: v.site_id || null,
    template_id: v.template_id ? Number(v.template_id) : null,
  });
  const made: Made = { id: v.device_id, site: v.site_id || null, credentials: null, error: null };
  // The device exists from here on: what fails below must not read as "not created".
  try {
    made.credentials = await api.rotateToken(v.device_id, 'first', 0);
    keepCredentials(v.device_id, made.credentials);
    const rest = more(v);
    if (Object.keys(rest).length > 0) await api.updateDevice(v.device_id, rest);
  } catch (error) {
    made.error = error;
  }
  return made;
}

function Wizard({ onAgain }: { onAgain: () => void }) {
  const { get, set } = useUrl();
  const refresh = useRefreshFleet();
  const form = useForm(empty);
  const v = form.values;
  const [made, setMade] = useState<Made | null>(null);
  const wanted = Math.max(0, titles.findIndex((t) => t.toLowerCase() === get('step')));
  // Without an id there is nothing to place, whatever the address says.
  const at = made ? 3 : Math.min(wanted, v.device_id ? 2 : 1);
  const go = (step: number) => set({ step: titles[step]!.toLowerCase() }, false);
  const send = useMutation({
    mutationFn: () => create(v),
    onSuccess: (result) => {
      setMade(result);
      refresh();
      set({ step: 'connect' });
    },
    onError: (error) => {
      form.setError(error);
      go(1);
    },
  });
  if (made) return <Shell at={3}>{<Connect made={made} onAgain={onAgain} />}</Shell>;
  const identityGood = () => form.check({ device_id: idFault(v.device_id) });
  return (
    <Shell at={at}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          if (at === 0) go(1);
          else if (at === 1 && identityGood()) go(2);
        }}
      >
        {at === 0 && <TemplateStep value={v.template_id} onChange={(x) => form.set('template_id', x)} />}
        {at === 1 && <IdentityStep form={form} />}
        {at === 2 && <LocationStep form={form} />}
        <ActionError error={form.error} />
        <div className="flex flex-wrap gap-2">
          {at > 0 && <Button onClick={() => go(at - 1)}>Back</Button>}
          {at < 2 ? (
            <Button kind="primary" type="submit">
              Next: {titles[at + 1]}
            </Button>
          ) : (
            <GatedButton
              needs={needs.createDevice}
              kind="primary"
              busy={send.isPending}
              onClick={() => {
                const good = form.check({
                  latitude:
                    coordinate(v.latitude, 90) ||
                    (v.latitude.trim() === '' && v.longitude.trim() !== '' && 'Give both or neither.'),
                  longitude:
                    coordinate(v.longitude, 180) ||
                    (v.longitude.trim() === '' && v.latitude.trim() !== '' && 'Give both or neither.'),
                });
                if (good) send.mutate();
              }}
            >
              Create device
            </GatedButton>
          )}
        </div>
      </form>
    </Shell>
  );
}

function Shell({ at, children }: { at: number; children: ReactNode }) {
  return (
    <>
      <Progress at={at} />
      <div className="panel p-3 sm:p-4">{children}</div>
    </>
  );
}

/** From nothing to a device that speaks, step by step. */
export default function WizardPage() {
  useTitle('Set up a device');
  const { set } = useUrl();
  const [round, setRound] = useState(0);
  return (
    <div className="max-w-205">
      <PageHeader
        title="Set up a device"
        actions={<ButtonLink to="/devices/import">Import many</ButtonLink>}
      />
      <Wizard
        key={round}
        onAgain={() => {
          set({ step: null });
          setRound(round + 1);
        }}
      />
    </div>
  );
}
