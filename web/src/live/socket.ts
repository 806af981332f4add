// A WebSocket that stays: reconnects with back-off, notices silence, tells its state.
import { backoff } from './backoff';

/** `refused`: the server does not want us; nothing is tried until something changes. */
export type LiveState = 'connecting' | 'live' | 'waiting' | 'offline' | 'refused';

export interface SocketOptions {
  /** Address for the next attempt; may fetch a ticket first. */
  url: () => string | Promise<string>;
  onMessage: (message: Record<string, unknown>) => void;
  /** The connection stands and takes messages; whether the server wants us is not known yet. */
  onOpen?: () => void;
  /** The server has spoken. `again`: there was a connection before, a catch-up query is due. */
  onLive?: (again: boolean) => void;
  onState: (state: LiveState, retryAt: number | null) => void;
  /** Refused before anything was said: 4001 not signed in, 4003 not allowed. */
  onRefused?: (code: number) => void;
  /** A question that the server always answers; asked when the network came back. */
  probe?: object;
  /** Longest silence (ms) before the connection counts as dead; the server pings every 30 s. */
  silence?: number;
}

/** Longest time an attempt may take to open. */
const openTimeout = 10_000;
/** After this long a connection has settled: the next break is tried again at once. */
const settled = 5_000;
/** Longest time the answer to the probe may take. */
const probeTimeout = 5_000;

export class LiveSocket {
  private socket: WebSocket | null = null;
  /** The server has spoken on the present connection. */
  private live = false;
  private attempts = 0;
  /** There was a live connection. */
  private before = false;
  private stopped = false;
  /** Close code of a refusal; 0: not refused. */
  private refused = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private settling: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private generation = 0;

  constructor(private readonly options: SocketOptions) {}

  start(): void {
    this.stopped = false;
    this.refused = 0;
    window.addEventListener('online', this.returned);
    window.addEventListener('offline', this.lost);
    document.addEventListener('visibilitychange', this.looked);
    void this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.generation += 1;
    window.removeEventListener('online', this.returned);
    window.removeEventListener('offline', this.lost);
    document.removeEventListener('visibilitychange', this.looked);
    clearTimeout(this.timer);
    clearTimeout(this.settling);
    clearTimeout(this.watchdog);
    this.socket?.close(1000);
    this.socket = null;
    this.live = false;
  }

  send(message: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Tries at once instead of waiting for the back-off, also after a refusal. */
  hurry(): void {
    if (this.stopped || this.socket || document.visibilityState === 'hidden') return;
    this.refused = 0;
    clearTimeout(this.timer);
    void this.connect();
  }

  private readonly looked = (): void => {
    // Another window may have renewed the session meanwhile; what is not allowed stays so.
    if (this.refused !== 4003) this.hurry();
  };

  private readonly lost = (): void => {
    if (!this.refused) this.options.onState('offline', null);
  };

  private readonly returned = (): void => {
    if (this.stopped || this.refused) return;
    if (!this.socket) {
      this.hurry();
    } else if (this.live) {
      // It may have lived through the break, or only seem to: the answer to the probe tells.
      this.options.onState('live', null);
      this.options.onLive?.(true);
      if (this.options.probe && this.send(this.options.probe)) this.watch(probeTimeout);
    } else {
      this.options.onState('connecting', null);
    }
  };

  private async connect(): Promise<void> {
    const mine = ++this.generation;
    this.options.onState('connecting', null);
    let url: string;
    try {
      url = await this.options.url();
    } catch {
      if (mine === this.generation) this.again();
      return;
    }
    if (this.stopped || mine !== this.generation) return;
    const socket = new WebSocket(url);
    this.socket = socket;
    this.live = false;
    this.watch(openTimeout);
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.watch();
      this.settling = setTimeout(() => {
        this.attempts = 0;
        this.spoke();
      }, settled);
      this.options.onOpen?.();
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      if (this.socket !== socket) return;
      this.watch();
      this.spoke();
      try {
        this.options.onMessage(JSON.parse(event.data) as Record<string, unknown>);
      } catch (error) {
        console.error('live: unreadable message', error);
      }
    };
    socket.onclose = (event: CloseEvent) => {
      if (this.socket !== socket) return;
      this.socket = null;
      clearTimeout(this.watchdog);
      clearTimeout(this.settling);
      if (this.stopped) return;
      // A connection that was live ends with 4001 when its token does: the next has a new one.
      if (!this.live && (event.code === 4001 || event.code === 4003)) this.refuse(event.code);
      else this.again();
    };
  }

  /**
   * The server has spoken, or kept silent for long enough. It accepts a connection before it refuses
   * it, so that an open connection says nothing yet.
   */
  private spoke(): void {
    if (this.live) return;
    this.live = true;
    this.options.onState('live', null);
    this.options.onLive?.(this.before);
    this.before = true;
  }

  private refuse(code: number): void {
    this.refused = code;
    this.generation += 1;
    clearTimeout(this.timer);
    this.options.onState('refused', null);
    this.options.onRefused?.(code);
  }

  private watch(ms = this.options.silence ?? 75_000): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      const socket = this.socket;
      this.socket = null;
      clearTimeout(this.settling);
      socket?.close();
      if (!this.stopped) this.again();
    }, ms);
  }

  private again(): void {
    this.live = false;
    const wait = backoff(this.attempts);
    this.attempts += 1;
    this.options.onState(navigator.onLine ? 'waiting' : 'offline', Date.now() + wait);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.connect(), wait);
  }
}
