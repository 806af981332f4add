// The tabs of a device's page, one line each; only the first is loaded with the page.
import type { ComponentType } from 'react';
import type { Device } from '@/api/types';
import { lazyPart } from '@/lib/lazy-part';
import { LiveTab } from './live-tab';

export interface DeviceTabProps {
  device: Device;
  /** For a tab with input of its own: whether it holds changes that are not saved. */
  onDirty: (dirty: boolean) => void;
}

export interface DeviceTab {
  /** Its name in the address, `?tab=details`; the first one's is left out. */
  key: string;
  label: string;
  Part: ComponentType<DeviceTabProps>;
  /** Stays while it holds input that is not saved, so that a look at another tab loses nothing. */
  keepsInput?: boolean;
}

export const deviceTabs: readonly DeviceTab[] = [
  { key: 'live', label: 'Live', Part: LiveTab },
  { key: 'alerts', label: 'Alerts', Part: lazyPart(() => import('@/features/alerts/alerts-tab')) },
  { key: 'twin', label: 'Twin', Part: lazyPart(() => import('@/features/twin/twin-tab')), keepsInput: true },
  { key: 'commands', label: 'Commands', Part: lazyPart(() => import('@/features/commands/commands-tab')) },
  { key: 'hardware', label: 'Hardware', Part: lazyPart(() => import('@/features/hardware/hardware-tab')) },
  { key: 'health', label: 'Health', Part: lazyPart(() => import('@/features/health/health-tab')) },
  { key: 'connectivity', label: 'Connectivity', Part: lazyPart(() => import('@/features/carriers/connectivity-tab')) },
  { key: 'connect', label: 'Connect', Part: lazyPart(() => import('./connect-tab')) },
  {
    key: 'certificates',
    label: 'Certificates',
    Part: lazyPart(() => import('@/features/certificates/certificates-tab')),
  },
  { key: 'details', label: 'Details', Part: lazyPart(() => import('./details-tab')), keepsInput: true },
  { key: 'activity', label: 'Activity', Part: lazyPart(() => import('./activity-tab')) },
];

/** The tab that the address names, else the first. */
export const tabOf = (wanted: string | null): DeviceTab =>
  deviceTabs.find((t) => t.key === wanted) ?? deviceTabs[0]!;
