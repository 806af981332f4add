// Credentials that the server shows once, kept in memory while this window lives, so that the
// commands of the Connect tab and of Getting Started work as printed.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { api } from '@/api/customer';
import type { Credentials } from '@/api/types';
import { CopyButton } from '@/ui/copy';

const kept = new Map<string, Credentials>();
const listeners = new Set<() => void>();

export function keepCredentials(device: string, credentials: Credentials): void {
  kept.set(device, credentials);
  for (const l of listeners) l();
}

/** Credentials of a device that were made in this window, or null. */
export function useCredentials(device: string | null): Credentials | null {
  return useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => (device === null ? null : (kept.get(device) ?? null)),
  );
}

export function useConnectionInfo() {
  return useQuery({
    queryKey: ['connection-info'],
    queryFn: api.connectionInfo,
    staleTime: 300_000,
  });
}

/** Makes new credentials; earlier ones live on for `graceHours`. */
export function useRotate(device: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ label, graceHours }: { label: string; graceHours: number }) =>
      api.rotateToken(device, label, graceHours),
    onSuccess: (credentials) => {
      keepCredentials(device, credentials);
      void queries.invalidateQueries({ queryKey: ['tokens', device] });
    },
  });
}

function Line({ name, text }: { name: string; text: string }) {
  return (
    <div className="flex items-center gap-2 border-b px-3 py-1.5 last:border-b-0">
      <dt className="w-20 shrink-0 text-ink-2">{name}</dt>
      <dd className="flex min-w-0 flex-1 items-center justify-between gap-2">
        <span className="min-w-0 font-mono text-12 break-all">{text}</span>
        <CopyButton text={text} />
      </dd>
    </div>
  );
}

/** The once-only display after creating or rotating. */
export function CredentialsBox({ credentials }: { credentials: Credentials }) {
  const c = credentials;
  return (
    <div className="flex flex-col gap-2">
      <p className="rounded-m bg-warning-soft px-3 py-2 text-warning">
        <span aria-hidden="true">▲ </span>
        The password is shown this once. Store it now; if it is lost, rotate.
      </p>
      <dl className="rounded-m border">
        <Line name="Password" text={c.password} />
        <Line name="User name" text={c.username} />
        <Line name="Client id" text={c.client_id} />
        <Line name="Broker" text={c.broker_url} />
      </dl>
    </div>
  );
}
