import { useEffect, useState, type ReactNode } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { useSession } from '@/auth/session';
import { GatedButton, GatedLink } from '@/auth/gated';
import { needs } from '@/auth/needs';
import NewDevice from '@/features/devices/new-device';
import { SiteDialog } from '@/features/sites/site-dialog';
import { NewTemplate } from '@/features/templates/new-template';
import { cx } from '@/lib/cx';
import { Button, ButtonLink } from '@/ui/button';
import { PageHeader } from '@/ui/page';
import { Failure, Skeleton } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { DataStep } from './data-step';
import { nextOpen, type Opened } from './open-step';
import { setDismissed, steps, useGettingStarted, useStartPushes, type Step } from './queries';

function Number({ n, done, open }: { n: number; done: boolean; open: boolean }) {
  return (
    <span
      className={cx(
        'grid size-6 shrink-0 place-items-center rounded-full border text-12 font-semibold',
        done
          ? 'border-online bg-online-soft text-online'
          : open
            ? 'border-accent text-accent'
            : 'border-line-strong text-ink-3',
      )}
    >
      {done ? '✓' : n}
      <span className="sr-only">{done ? 'done' : 'to do'}</span>
    </span>
  );
}

/** Five steps from nothing to data that alarms. Completion is noticed by push. */
export default function StartPage() {
  useTitle('Getting started');
  const navigate = useNavigate();
  const { tenant } = useSession();
  const counts = useGettingStarted();
  useStartPushes();
  const [params, setParams] = useSearchParams();
  const [dialog, setDialog] = useState<Step['id'] | null>(null);
  const [kept, setKept] = useState<Opened | null>(null);
  const wanted = params.get('step');
  const list = counts.data && steps(counts.data);
  const opened = list ? nextOpen(list, kept, wanted) : null;
  useEffect(() => {
    if (!opened) return;
    if (JSON.stringify(kept) !== JSON.stringify(opened)) setKept(opened);
    // A step that is left is no longer the one that the address names.
    if (wanted !== null && wanted !== opened.id) setParams({}, { replace: true });
  }, [opened, kept, wanted, setParams]);

  if (counts.error && !counts.data)
    return (
      <div className="panel">
        <Failure error={counts.error} what="Getting started" retry={() => void counts.refetch()} />
      </div>
    );
  if (!list)
    return (
      <div className="flex max-w-205 flex-col gap-4" role="status" aria-label="Loading steps">
        <Skeleton className="h-7 w-48" />
        <Skeleton className="h-80" />
      </div>
    );

  const done = list.filter((s) => s.done).length;
  const open = list.find((s) => s.id === opened?.id) ?? null;
  const next = list.find((s) => !s.done);
  const show = (step: Step) => setParams({ step: step.id }, { replace: true });
  // Its dialog is closed: when the step is done, by now or in a moment, the next one opens.
  const close = () => {
    setDialog(null);
    if (opened) setKept({ ...opened, finished: true });
  };

  const actions: Record<Step['id'], ReactNode> = {
    site: (
      <>
        <GatedButton needs={needs.createSite} kind="primary" onClick={() => setDialog('site')}>
          Create site
        </GatedButton>
        <ButtonLink to="/sites">Open sites</ButtonLink>
      </>
    ),
    template: (
      <>
        <ButtonLink kind="primary" to="/templates">
          Choose one to clone
        </ButtonLink>
        <GatedButton needs={needs.createTemplate} onClick={() => setDialog('template')}>
          New template
        </GatedButton>
      </>
    ),
    device: (
      <>
        <GatedButton needs={needs.createDevice} kind="primary" onClick={() => setDialog('device')}>
          Add device
        </GatedButton>
        <ButtonLink to="/devices">Open devices</ButtonLink>
      </>
    ),
    data: null,
    alerts: (
      <>
        <GatedLink needs={needs.createRule} kind="primary" to="/rules/new">
          New rule
        </GatedLink>
        <GatedLink needs={needs.applyRuleTemplates} to="/rules?dialog=templates">
          Choose usual ones
        </GatedLink>
      </>
    ),
  };

  return (
    <div className="max-w-205">
      <PageHeader
        title="Getting started"
        facts={
          <span role="status" data-testid="steps-done">
            {done} of 5 done
          </span>
        }
        actions={
          <Button
            kind="quiet"
            title="Leaves the sidebar; Help brings it back"
            onClick={() => {
              setDismissed(tenant, true);
              void navigate('/home');
            }}
          >
            Dismiss
          </Button>
        }
      />
      <div
        role="progressbar"
        aria-label="Steps done"
        aria-valuemin={0}
        aria-valuemax={5}
        aria-valuenow={done}
        className="mb-4 h-1 rounded-full bg-surface-2"
      >
        <div className="h-1 rounded-full bg-accent" style={{ width: `${done * 20}%` }} />
      </div>
      <ol className="panel">
        {list.map((step, i) => {
          const isOpen = step === open;
          return (
            <li
              key={step.id}
              data-step={step.id}
              data-done={step.done}
              className="flex gap-3 border-b px-3 py-3 last:border-b-0 sm:gap-4 sm:px-4"
            >
              <Number n={i + 1} done={step.done} open={isOpen} />
              <div className="min-w-0 flex-1">
                <div className="flex items-start justify-between gap-3">
                  <div>
                    <h2 className="text-13">{step.title}</h2>
                    <p className="text-ink-2">{step.text}</p>
                  </div>
                  {!isOpen && (
                    <Button
                      kind="quiet"
                      small
                      aria-label={`Open: ${step.title}`}
                      onClick={() => show(step)}
                    >
                      Open
                    </Button>
                  )}
                </div>
                {isOpen && (
                  <div className="mt-3 flex flex-col gap-3">
                    {actions[step.id] && (
                      <div className="flex flex-wrap gap-2">{actions[step.id]}</div>
                    )}
                    {step.id === 'data' && <DataStep />}
                    {step.done && next && (
                      <div className="flex flex-wrap items-center gap-3">
                        <span className="font-medium text-online">✓ Done</span>
                        <Button onClick={() => show(next)}>Next: {next.title}</Button>
                      </div>
                    )}
                  </div>
                )}
              </div>
            </li>
          );
        })}
      </ol>
      {done === 5 && (
        <p className="mt-4 text-ink-2">
          All done. This page leaves the sidebar by itself; Help (press ?) brings it back.
        </p>
      )}
      {dialog === 'site' && <SiteDialog site={null} onClose={close} />}
      {dialog === 'template' && <NewTemplate onClose={close} />}
      {dialog === 'device' && <NewDevice open onClose={close} />}
    </div>
  );
}
