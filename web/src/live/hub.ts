// What arrives live, handed to whoever listens. Lives outside React, so that thousands of
// messages a second cost no rendering by themselves.
import type { FleetSummary, Metrics, Status } from '@/api/types';
import { sessionEnded, wsTicket } from '@/api/client';
import { Interests, nobody } from './interests';
import { LiveSocket, type LiveState } from './socket';

export interface TelemetryEvent {
  device_id: string;
  site_id: string | null;
  ts: string;
  metrics: Metrics;
  seq: number | null;
  msg_type: string;
}
export interface StatusEvent {
  device_id: string;
  status: Status;
  since: string | null;
}
export interface QuarantineEvent {
  device_id: string;
  reason: string;
  ts: string;
}
/** Something was written: `what` (sites, templates, devices, ...) is to be asked anew. */
export interface ChangeEvent {
  what: string;
}
/** A transition of an alert: OPEN, ACKNOWLEDGED, SILENCED, ESCALATED or CLOSED. */
export interface AlertEvent {
  event: string;
  alert: { alert_id: number; device_id: string; severity: number; summary: string };
}
interface Events {
  telemetry: TelemetryEvent;
  status: StatusEvent[];
  quarantine: QuarantineEvent[];
  changed: ChangeEvent;
  alert: AlertEvent;
  summary: FleetSummary;
  state: null;
  caughtUp: null;
  /** From now on nothing of these devices is missed. */
  subscribed: ReadonlySet<string>;
}

type Listener<K extends keyof Events> = (event: Events[K]) => void;

const wsBase = () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`;
/** Address of the telemetry stream. */
export const streamUrl = (query: string) =>
  `${wsBase()}/api/v1/customer/telemetry/stream${query && `?${query}`}`;
/** Changes nothing, and is always answered. */
export const streamProbe = { action: 'unsubscribe', device_ids: [] };

/** Refused for the session's sake: whether it has ended, its keeper finds out. */
export const onRefused = (code: number) => {
  if (code === 4001) sessionEnded();
};

class Hub {
  state: LiveState = 'connecting';
  retryAt: number | null = null;
  private listeners = new Map<keyof Events, Set<(event: never) => void>>();
  private interests = new Interests();
  private flush: ReturnType<typeof setTimeout> | undefined;
  private notices: LiveSocket | null = null;
  private stream: LiveSocket | null = null;
  private streamOpen = false;
  private closing: ReturnType<typeof setTimeout> | undefined;
  private fleet: LiveSocket | null = null;
  private fleetUsers = 0;

  on<K extends keyof Events>(kind: K, listener: Listener<K>): () => void {
    const set = this.listeners.get(kind) ?? new Set();
    this.listeners.set(kind, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  private emit<K extends keyof Events>(kind: K, event: Events[K]): void {
    for (const listener of this.listeners.get(kind) ?? []) (listener as Listener<K>)(event);
  }

  /**
   * Opens the notices: status changes, refusals and writes of the tenant. It is the telemetry stream
   * filtered to a metric that no device has, so that no telemetry comes by it. Telemetry has a
   * connection of its own, filtered to the devices on the screen, while there are any.
   */
  start(): () => void {
    this.notices = new LiveSocket({
      url: () => streamUrl(`metric=${nobody}`),
      onMessage: (m) => this.receive(m),
      onLive: (again) => {
        if (again) this.emit('caughtUp', null);
      },
      onRefused,
      probe: streamProbe,
      onState: (state, retryAt) => {
        this.state = state;
        this.retryAt = retryAt;
        this.emit('state', null);
      },
    });
    this.notices.start();
    this.tell();
    return () => {
      clearTimeout(this.closing);
      this.notices?.stop();
      this.notices = null;
      this.closeStream();
    };
  }

  private openStream(): void {
    if (this.stream) return;
    this.stream = new LiveSocket({
      url: () => streamUrl(`device_id=${nobody}`),
      onMessage: (m) => {
        if (m.type === 'telemetry' || m.type === 'subscribed') this.receive(m);
      },
      onOpen: () => {
        this.streamOpen = true;
        this.interests.forget();
        this.tell();
      },
      onLive: (again) => {
        if (again) this.emit('caughtUp', null);
      },
      onState: (state) => {
        if (state === 'waiting' || state === 'refused') this.streamOpen = false;
      },
      probe: streamProbe,
    });
    this.stream.start();
  }

  private closeStream(): void {
    this.stream?.stop();
    this.stream = null;
    this.streamOpen = false;
  }

  hurry(): void {
    this.notices?.hurry();
    this.stream?.hurry();
    this.fleet?.hurry();
  }

  /** Asks for these devices' telemetry until the answered function is called. */
  want(ids: readonly string[]): () => void {
    const mine = [...ids];
    this.interests.add(mine);
    this.soon();
    return () => {
      this.interests.remove(mine);
      this.soon();
    };
  }

  /** Keeps the fleet summary coming until the answered function is called. */
  wantSummary(): () => void {
    this.fleetUsers += 1;
    if (this.fleetUsers === 1) {
      const socket = new LiveSocket({
        url: async () => `${wsBase()}/api/v2/ws?ticket=${encodeURIComponent(await wsTicket())}`,
        onMessage: (m) => {
          if (m.type === 'fleet_summary') this.emit('summary', m.data as FleetSummary);
        },
        onOpen: () => socket.send({ action: 'subscribe', type: 'fleet' }),
        probe: { action: 'subscribe', type: 'fleet' },
        onState: () => {},
        // This channel speaks only when something changed.
        silence: 24 * 3600_000,
      });
      this.fleet = socket;
      socket.start();
    }
    return () => {
      this.fleetUsers -= 1;
      if (this.fleetUsers > 0) return;
      this.fleet?.stop();
      this.fleet = null;
    };
  }

  private soon(): void {
    clearTimeout(this.flush);
    this.flush = setTimeout(() => this.tell(), 120);
  }

  private tell(): void {
    clearTimeout(this.closing);
    if (!this.notices) return;
    if (!this.interests.any) {
      // Kept a while: the next page may want some again.
      this.closing = setTimeout(() => this.closeStream(), 10_000);
    } else {
      this.openStream();
    }
    if (!this.streamOpen) return;
    for (const message of this.interests.changes()) this.stream?.send(message);
  }

  private receive(m: Record<string, unknown>): void {
    switch (m.type) {
      case 'telemetry':
        this.emit('telemetry', m as unknown as TelemetryEvent);
        break;
      case 'status':
        this.emit('status', (m.devices ?? []) as StatusEvent[]);
        break;
      case 'quarantine':
        this.emit('quarantine', (m.rows ?? []) as QuarantineEvent[]);
        break;
      case 'changed':
        this.emit('changed', m as unknown as ChangeEvent);
        break;
      case 'alert':
        this.emit('alert', m.event as AlertEvent);
        break;
      case 'subscribed':
        this.emit('subscribed', new Set((m.device_ids ?? []) as string[]));
        break;
      default: // connected, ping: nothing to do
    }
  }
}

export const hub = new Hub();
