// A WebSocket that stays: reconnects with back-off, notices silence, tells its state.
import { backoff } from './backoff';

export type LiveState = 'connecting' | 'live' | 'waiting' | 'offline';

export interface SocketOptions {
  /** Address for the next attempt; may fetch a ticket first. */
  url: () => string | Promise<string>;
  onMessage: (message: Record<string, unknown>) => void;
  /** `again` is true when there was a connection before: a catch-up query is due. */
  onOpen: (again: boolean) => void;
  onState: (state: LiveState, retryAt: number | null) => void;
  /** Longest silence (ms) before the connection counts as dead; the server pings every 30 s. */
  silence?: number;
}

/** Longest time an attempt may take to open. */
const openTimeout = 10_000;

export class LiveSocket {
  private socket: WebSocket | null = null;
  private attempts = 0;
  private opened = false;
  private stopped = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private generation = 0;

  constructor(private readonly options: SocketOptions) {}

  start(): void {
    this.stopped = false;
    window.addEventListener('online', this.hurry);
    window.addEventListener('offline', this.lost);
    document.addEventListener('visibilitychange', this.hurry);
    void this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.generation += 1;
    window.removeEventListener('online', this.hurry);
    window.removeEventListener('offline', this.lost);
    document.removeEventListener('visibilitychange', this.hurry);
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    this.socket?.close(1000);
    this.socket = null;
  }

  send(message: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Tries at once instead of waiting for the back-off. */
  readonly hurry = (): void => {
    if (this.stopped || this.socket || document.visibilityState === 'hidden') return;
    clearTimeout(this.timer);
    void this.connect();
  };

  private readonly lost = (): void => {
    this.options.onState('offline', null);
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
    this.watch(openTimeout);
    socket.onopen = () => {
      this.attempts = 0;
      this.watch();
      this.options.onState('live', null);
      this.options.onOpen(this.opened);
      this.opened = true;
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      this.watch();
      try {
        this.options.onMessage(JSON.parse(event.data) as Record<string, unknown>);
      } catch (error) {
        console.error('live: unreadable message', error);
      }
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      clearTimeout(this.watchdog);
      if (!this.stopped) this.again();
    };
  }

  private watch(ms = this.options.silence ?? 75_000): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      const socket = this.socket;
      this.socket = null;
      socket?.close();
      if (!this.stopped) this.again();
    }, ms);
  }

  private again(): void {
    const wait = backoff(this.attempts);
    this.attempts += 1;
    this.options.onState(navigator.onLine ? 'waiting' : 'offline', Date.now() + wait);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.connect(), wait);
  }
}
