import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useLocation } from 'react-router';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { callPath } from '@/api/customer';
import { people, type Preferences } from '@/api/people';
import { signOut } from '@/auth/known';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { useSession } from '@/auth/session';
import ActivityPanel from '@/features/audit/activity-panel';
import { peopleKeys } from '@/features/people/queries';
import { SessionRow } from '@/features/people/session-row';
import { many } from '@/lib/numbers';
import { startPage, startPages, keepStartPage } from '@/lib/start-page';
import { setTheme, useThemeChoice, type ThemeChoice } from '@/lib/theme';
import { useForm } from '@/lib/use-form';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { Segmented, SelectField, TextField } from '@/ui/field';
import { PageHeader, Panel, Tag } from '@/ui/page';
import { ActionError, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { useTitle } from '@/ui/time';
import { usePreferences, useSaveAppearance } from './appearance';
import { OwnChannels } from './own-channels-panel';

const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** All time zones that the browser knows; UTC is none of its list. */
const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((z) => z !== 'UTC')];

function About({ preferences: p }: { preferences: Preferences }) {
  const queries = useQueryClient();
  const form = useForm({ display_name: p.display_name ?? '', timezone: p.timezone });
  const v = form.values;
  const save = useMutation({
    mutationFn: () =>
      people.changePreferences({
        display_name: v.display_name.trim() || null,
        timezone: v.timezone,
      }),
    onSuccess: (next) => {
      queries.setQueryData(peopleKeys.preferences, next);
      toast.success('Saved');
    },
    onError: form.setError,
  });
  const known = zones.includes(v.timezone) ? zones : [v.timezone, ...zones];
  return (
    <form
      noValidate
      className="grid gap-3 p-3 sm:grid-cols-2"
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate();
      }}
    >
      <TextField
        label="Display name"
        optional
        maxLength={100}
        autoComplete="name"
        value={v.display_name}
        onChange={(e) => form.set('display_name', e.target.value)}
        fault={form.fault('display_name')}
        help="What others see where your full name is too long."
      />
      <SelectField
        label="Time zone"
        options={known.map((z) => ({ value: z, label: z.replaceAll('_', ' ') }))}
        value={v.timezone}
        onChange={(timezone) => form.set('timezone', timezone)}
        fault={form.fault('timezone')}
        help={
          v.timezone === here ? (
            "For what Pulse sends you; also this browser's, in which the pages show times."
          ) : (
            <>
              For what Pulse sends you. The pages show times in this browser's zone:{' '}
              <button
                type="button"
                className="text-accent underline underline-offset-2"
                onClick={() => form.set('timezone', here)}
              >
                use {here}
              </button>
            </>
          )
        }
      />
      <div className="sm:col-span-2">
        <ActionError error={form.error} />
        <div className="flex justify-end">
          <Button type="submit" kind="primary" disabled={!form.dirty} busy={save.isPending}>
            Save
          </Button>
        </div>
      </div>
    </form>
  );
}

function Appearance() {
  const theme = useThemeChoice();
  const save = useSaveAppearance();
  const [start, setStart] = useState(startPage);
  const keep = (part: Record<string, unknown>) =>
    void save(part).catch((error: unknown) =>
      toast.error(`It holds in this browser only: ${asApiError(error).message}`),
    );
  return (
    <div className="grid gap-3 p-3 sm:grid-cols-2">
      <div className="flex flex-col gap-1">
        <span className="font-medium">Theme</span>
        <Segmented
          label="Theme"
          className="self-start"
          value={theme}
          onChange={(next) => {
            setTheme(next as ThemeChoice);
            keep({ theme: next });
          }}
          options={[
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
            { value: 'system', label: 'As the system' },
          ]}
        />
      </div>
      <SelectField
        label="Begin with"
        options={[...startPages]}
        value={start}
        onChange={(next) => {
          setStart(next);
          keepStartPage(next);
          keep({ start_page: next });
        }}
        help="The page that opens after the sign-in."
      />
    </div>
  );
}

function Sessions() {
  const queries = useQueryClient();
  const sessions = useQuery({ queryKey: peopleKeys.sessions, queryFn: people.mySessions });
  const [asking, setAsking] = useState(false);
  const refresh = () => void queries.invalidateQueries({ queryKey: peopleKeys.sessions });
  const end = useMutation({
    mutationFn: (id: string) => people.endSession(id),
    onSuccess: () => toast.success('That browser is signed out'),
    onError: (error) => toast.error(asApiError(error).message),
    onSettled: refresh,
  });
  const endOthers = useMutation({
    mutationFn: people.endOtherSessions,
    onSuccess: () => {
      toast.success('You are signed out everywhere else');
      setAsking(false);
      refresh();
    },
  });
  const list = sessions.data ?? [];
  const others = list.filter((s) => !s.current).length;
  const sorted = [...list].sort(
    (a, b) =>
      Number(b.current) - Number(a.current) ||
      (b.last_used_at ?? '').localeCompare(a.last_used_at ?? ''),
  );
  return (
    <Panel
      title="Where you are signed in"
      aside={
        <Button
          small
          kind="danger"
          disabled={others === 0}
          title={others === 0 ? 'You are signed in nowhere else' : undefined}
          onClick={() => setAsking(true)}
        >
          Sign out everywhere else
        </Button>
      }
    >
      {sessions.error && !sessions.data ? (
        <Failure error={sessions.error} what="Sessions" retry={() => void sessions.refetch()} />
      ) : sessions.isPending ? (
        <SkeletonRows rows={2} label="Loading sessions" />
      ) : (
        <ul>
          {sorted.map((s) => (
            <SessionRow
              key={s.id}
              session={s}
              current={s.current}
              action={
                s.current ? (
                  <Button small onClick={signOut}>
                    Sign out
                  </Button>
                ) : (
                  <Button
                    small
                    busy={end.isPending && end.variables === s.id}
                    onClick={() => end.mutate(s.id)}
                  >
                    Revoke
                  </Button>
                )
              }
            />
          ))}
        </ul>
      )}
      {asking && (
        <Confirm
          title="Sign out everywhere else?"
          action="Sign out everywhere else"
          busy={endOthers.isPending}
          error={endOthers.error}
          onConfirm={() => endOthers.mutate()}
          onClose={() => setAsking(false)}
        >
          <p>
            {many(others, 'other browser')} must sign in again, at once. This one stays, and so do your
            API tokens.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}

function Password({ id }: { id: string }) {
  const { user } = useSession();
  const { may } = usePermissions();
  const send = useMutation({
    mutationFn: () => people.sendLink(id),
    onSuccess: () => toast.success(`A link is on its way to ${user.email}`),
    onError: (error) => toast.error(asApiError(error).message),
  });
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 p-3">
      <p className="max-w-prose min-w-0 text-ink-2">
        {may(needs.editMember)
          ? 'A link to your address lets you choose a new password; with it you are signed out everywhere.'
          : 'Sign out and choose “Forgot password?” at the sign-in: a link to your address lets you choose a new one.'}
      </p>
      {may(needs.editMember) ? (
        <Button busy={send.isPending} onClick={() => send.mutate()}>
          Send a link
        </Button>
      ) : (
        <Button onClick={signOut}>Sign out</Button>
      )}
    </div>
  );
}

/** The caller's own: who they are here, what they prefer, where they are signed in. */
export default function ProfilePage() {
  useTitle('Profile');
  const { user, organization } = useSession();
  const { roles, held } = usePermissions();
  const preferences = usePreferences();
  const { hash } = useLocation();
  useEffect(() => {
    if (hash && preferences.data) document.querySelector(hash)?.scrollIntoView({ block: 'start' });
  }, [hash, preferences.data]);
  return (
    <>
      <PageHeader
        title="Profile"
        facts={<CopyValue text={user.email} name="email" />}
        actions={<CopyCall path={callPath('/preferences')} />}
      />
      <div className="flex flex-col gap-4">
        <Panel title="You">
          <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-3 gap-y-1.5 border-b px-3 py-2.5">
            <dt className="text-ink-2">Organization</dt>
            <dd>{organization}</dd>
            <dt className="text-ink-2">Your roles</dt>
            <dd className="flex flex-wrap items-center gap-1">
              {user.realm_access?.roles?.includes('tenant-admin') && (
                <span
                  className="rounded-s bg-accent-soft px-1.5 text-11 leading-5 font-medium"
                  title="Holds every permission of the organization"
                >
                  Administrator
                </span>
              )}
              {roles.map((r) => (
                <Tag key={r}>{r}</Tag>
              ))}
              <span className="num text-12 text-ink-3">{many(held.size, 'permission')}</span>
            </dd>
            {preferences.data && (
              <>
                <dt className="text-ink-2">User id</dt>
                <dd className="min-w-0">
                  <CopyValue text={preferences.data.user_id} name="user id" />
                </dd>
              </>
            )}
          </dl>
          {preferences.error && !preferences.data ? (
            <Failure
              error={preferences.error}
              what="Preferences"
              retry={() => void preferences.refetch()}
            />
          ) : preferences.data ? (
            <About key={preferences.data.updated_at ?? ''} preferences={preferences.data} />
          ) : (
            <div className="p-3">
              <Skeleton className="h-26" />
            </div>
          )}
        </Panel>
        <Panel title="Appearance">
          <Appearance />
        </Panel>
        {preferences.data && <OwnChannels preferences={preferences.data} />}
        <div id="sessions" className="scroll-mt-14">
          <Sessions />
        </div>
        <Panel title="Password">
          {preferences.data ? (
            <Password id={preferences.data.user_id} />
          ) : (
            <div className="p-3">
              <Skeleton className="h-8" />
            </div>
          )}
        </Panel>
        {preferences.data && (
          <ActivityPanel
            title="What you did"
            filter={{ actor_id: preferences.data.user_id }}
            empty="Nothing yet."
          />
        )}
      </div>
    </>
  );
}
