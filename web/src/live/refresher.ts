// Asks queries anew after news, soon but not often.

/** News of one moment are answered together: this long (ms) after the first of them. */
const soon = 200;

/** Collects what is to be asked anew; hands it on shortly after, and at most once in `pace` ms. */
export class Refresher<T> {
  private waiting = new Set<T>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = -Infinity;

  constructor(
    private readonly refresh: (what: ReadonlySet<T>) => void,
    private readonly pace = 2000,
  ) {}

  ask(...what: T[]): void {
    for (const w of what) this.waiting.add(w);
    if (this.timer !== undefined || this.waiting.size === 0) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.last = Date.now();
        const now = this.waiting;
        this.waiting = new Set();
        this.refresh(now);
      },
      Math.max(soon, this.last + this.pace - Date.now()),
    );
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.clear();
  }
}
