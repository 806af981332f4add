import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveSocket, type LiveState, type SocketOptions } from './socket';

/** The browser's part, played by the test. */
class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: unknown[] = [];
  onopen: () => void = () => {};
  onmessage: (event: { data: string }) => void = () => {};
  onclose: (event: { code: number }) => void = () => {};
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  open(): void {
    this.readyState = 1;
    this.onopen();
  }
  say(message: object): void {
    this.onmessage({ data: JSON.stringify(message) });
  }
  close(code = 1006): void {
    this.readyState = 3;
    this.onclose({ code });
  }
}

let page: EventTarget;
let states: LiveState[];
let caughtUp: number;
const refusals: number[] = [];
const latest = () => FakeSocket.all.at(-1)!;

async function begin(more: Partial<SocketOptions> = {}): Promise<LiveSocket> {
  const socket = new LiveSocket({
    url: () => 'ws://pulse',
    onMessage: () => {},
    onLive: (again) => {
      if (again) caughtUp += 1;
    },
    onState: (state) => states.push(state),
    onRefused: (code) => refusals.push(code),
    ...more,
  });
  socket.start();
  await vi.advanceTimersByTimeAsync(0);
  return socket;
}

beforeEach(() => {
  vi.useFakeTimers();
  page = new EventTarget();
  states = [];
  caughtUp = 0;
  refusals.length = 0;
  FakeSocket.all = [];
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.stubGlobal('window', page);
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
  vi.stubGlobal('navigator', { onLine: true });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('a live socket', () => {
  it('is live once the server has spoken, not before', async () => {
    await begin();
    latest().open();
    expect(states.at(-1)).toBe('connecting');
    latest().say({ type: 'connected' });
    expect(states.at(-1)).toBe('live');
  });

  it.each([4001, 4003])('stops when the server refuses it by %i', async (code) => {
    const socket = await begin();
    latest().open();
    latest().close(code);
    await vi.advanceTimersByTimeAsync(600_000);
    page.dispatchEvent(new Event('online'));
    if (code === 4003) document.dispatchEvent(new Event('visibilitychange'));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(states.at(-1)).toBe('refused');
    expect(refusals).toEqual([code]);
    expect(caughtUp).toBe(0);
    // A renewed session tries once more.
    socket.hurry();
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('tries rarely when each connection opens and ends at once, and asks nothing anew', async () => {
    await begin();
    const end = Date.now() + 300_000;
    while (Date.now() < end) {
      if (latest().readyState === 0) latest().open();
      if (latest().readyState === 1) latest().close(4008);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(FakeSocket.all.length).toBeLessThan(30);
    expect(caughtUp).toBe(0);
  });

  it('comes back at once, and catches up, when a token ends a settled connection', async () => {
    await begin();
    latest().open();
    latest().say({ type: 'connected' });
    await vi.advanceTimersByTimeAsync(10_000);
    latest().close(4001);
    await vi.advanceTimersByTimeAsync(600);
    expect(FakeSocket.all).toHaveLength(2);
    latest().open();
    expect(caughtUp).toBe(0);
    latest().say({ type: 'connected' });
    expect(caughtUp).toBe(1);
    expect(refusals).toEqual([]);
  });

  it('is live again when it outlived a break of the network', async () => {
    await begin({ probe: { action: 'hello' } });
    latest().open();
    latest().say({ type: 'connected' });
    page.dispatchEvent(new Event('offline'));
    expect(states.at(-1)).toBe('offline');
    page.dispatchEvent(new Event('online'));
    expect(states.at(-1)).toBe('live');
    expect(caughtUp).toBe(1);
    expect(latest().sent).toEqual([{ action: 'hello' }]);
    latest().say({ type: 'hello' });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('reconnects when it only seemed to outlive a break', async () => {
    await begin({ probe: { action: 'hello' } });
    latest().open();
    latest().say({ type: 'connected' });
    await vi.advanceTimersByTimeAsync(10_000);
    page.dispatchEvent(new Event('offline'));
    page.dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(6_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('reconnects on return when the break ended it', async () => {
    await begin();
    latest().open();
    latest().say({ type: 'connected' });
    page.dispatchEvent(new Event('offline'));
    vi.stubGlobal('navigator', { onLine: false });
    latest().close();
    expect(states.at(-1)).toBe('offline');
    vi.stubGlobal('navigator', { onLine: true });
    page.dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(2);
  });
});
