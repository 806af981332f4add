// A person of the team in a list: mark, name, status, roles.
import type { Member } from '@/api/people';
import { needs } from '@/auth/needs';
import { Gate } from '@/auth/gated';
import { initials, nameOf } from '@/features/people/names';
import { useAssignments } from '@/features/people/queries';
import { Tag } from '@/ui/page';
import { Skeleton } from '@/ui/states';
import type { MemberState } from './status';

export const memberLink = (id: string): string => `/team/${encodeURIComponent(id)}`;

/** Two letters in a circle. */
export function MemberMark({ member }: { member: Member }) {
  return (
    <span
      aria-hidden="true"
      className="grid size-7 shrink-0 place-items-center rounded-full bg-surface-2 text-11 font-semibold text-ink-2"
    >
      {initials(member)}
    </span>
  );
}

/** Name over address. */
export function MemberName({ member, me }: { member: Member; me: boolean }) {
  return (
    <span className="flex min-w-0 items-center gap-2.5">
      <MemberMark member={member} />
      <span className="min-w-0 leading-4">
        <span className="block truncate font-medium">
          {nameOf(member)}
          {me && <span className="font-normal text-ink-3"> (you)</span>}
        </span>
        <span className="block truncate text-12 text-ink-3">{member.email}</span>
      </span>
    </span>
  );
}

const states: Record<MemberState, [string, string, string]> = {
  active: ['text-online', 'Active', 'Can sign in.'],
  invited: ['text-stale', 'Invited', 'Has not followed the link in the email yet.'],
  disabled: ['text-offline', 'Disabled', 'Can not sign in until enabled again.'],
};

/** Colour, shape and word of a person's state. */
export function MemberStatus({ state }: { state: MemberState }) {
  const [colour, word, title] = states[state];
  return (
    <span className={`inline-flex items-center gap-1.5 ${colour}`} title={title} data-state={state}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" className="shrink-0">
        {state === 'active' && <circle cx="5" cy="5" r="4" fill="currentColor" />}
        {state === 'invited' && (
          <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="1.8" />
        )}
        {state === 'disabled' && (
          <rect x="1.2" y="1.2" width="7.6" height="7.6" fill="currentColor" />
        )}
      </svg>
      {word}
    </span>
  );
}

function Assigned({ member }: { member: Member }) {
  const { data, isPending, error } = useAssignments(member.id);
  if (isPending) return <Skeleton className="w-24" />;
  if (error) return <span className="text-ink-3">–</span>;
  const shown = data.slice(0, 2);
  return (
    <>
      {shown.map((a) => (
        <Tag key={a.id}>{a.role_name}</Tag>
      ))}
      {data.length > shown.length && (
        <span
          className="text-11 text-ink-3"
          title={data.slice(shown.length).map((a) => a.role_name).join(', ')}
        >
          +{data.length - shown.length}
        </span>
      )}
      {data.length === 0 && !isAdmin(member) && <Tag>Viewer</Tag>}
    </>
  );
}

/** Whether the person holds every permission of the organization. */
export const isAdmin = (m: Member): boolean => m.roles.includes('tenant-admin');

/** The roles of a person as chips; who may not see assignments sees only who administers. */
export function RoleChips({ member }: { member: Member }) {
  return (
    <span className="flex min-w-0 items-center gap-1 overflow-hidden">
      {isAdmin(member) && (
        <span
          className="inline-block rounded-s bg-accent-soft px-1.5 text-11 leading-5 font-medium"
          title="Holds every permission of the organization"
        >
          Administrator
        </span>
      )}
      <Gate
        needs={needs.roles}
        otherwise={!isAdmin(member) && <span className="text-ink-3">Member</span>}
      >
        <Assigned member={member} />
      </Gate>
    </span>
  );
}
