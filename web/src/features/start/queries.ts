import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from '@/api/customer';
import type { GettingStarted } from '@/api/types';
import { useLiveSummary, usePolling, useStatusEvents } from '@/live/hooks';

const key = ['getting-started'];

export function useGettingStarted() {
  const polling = usePolling();
  return useQuery({ queryKey: key, queryFn: api.gettingStarted, refetchInterval: polling });
}

/**
 * Completes steps by push: a new count or a device that comes online asks for the counts. What is
 * written (a site, a template) asks for them on every page, for the sidebar's sake.
 */
export function useStartPushes(): void {
  const queries = useQueryClient();
  const summary = useLiveSummary();
  useEffect(() => {
    if (!summary) return;
    const old = queries.getQueryData<GettingStarted>(key);
    if (old && (old.devices !== summary.total || old.online !== summary.ONLINE))
      void queries.invalidateQueries({ queryKey: key });
  }, [summary, queries]);
  useStatusEvents(() => void queries.invalidateQueries({ queryKey: key }));
}

export interface Step {
  id: 'site' | 'template' | 'device' | 'data' | 'alerts';
  title: string;
  text: string;
  done: boolean;
}

/** The five steps with their live tests. */
export function steps(s: GettingStarted): Step[] {
  return [
    {
      id: 'site',
      title: 'Create a site',
      text: 'A place where devices stand: a hall, a branch, a truck.',
      done: s.sites > 0,
    },
    {
      id: 'template',
      title: 'Set up a device template',
      text: 'What a kind of device measures. Clone one of ours and change what differs.',
      done: s.templates > 0,
    },
    {
      id: 'device',
      title: 'Add your first device',
      text: 'An id, its site and its template. Its credentials are shown once.',
      done: s.devices > 0,
    },
    {
      id: 'data',
      title: 'See its data arrive',
      text: 'Run one of the commands anywhere. This page notices the first message by itself.',
      done: s.online > 0,
    },
    {
      id: 'alerts',
      title: 'Get told when it matters',
      text: 'A rule such as “temperature above −17 °C for 5 minutes”. You see when it would have fired before you save it.',
      done: s.alert_rules > 0,
    },
  ];
}

const dismissKey = (tenant: string) => `pulse.start.dismissed.${tenant}`;

export const isDismissed = (tenant: string) => localStorage.getItem(dismissKey(tenant)) === '1';

export function setDismissed(tenant: string, on: boolean): void {
  if (on) localStorage.setItem(dismissKey(tenant), '1');
  else localStorage.removeItem(dismissKey(tenant));
  window.dispatchEvent(new Event('pulse:start'));
}
