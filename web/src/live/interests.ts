// Which devices' telemetry the open pages want: counted per page, told to the server as changes.

/**
 * A subscription that is never given back, so that the server's filter is never empty: an empty
 * filter means every device of the tenant. No device has this name.
 */
export const nobody = '_nobody_';

/** Most devices at once besides `nobody`; the server takes 200 names a connection. */
const most = 198;

export class Interests {
  private wanted = new Map<string, number>();
  private told = new Set<string>();

  add(ids: readonly string[]): void {
    for (const id of ids) this.wanted.set(id, (this.wanted.get(id) ?? 0) + 1);
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) {
      const n = (this.wanted.get(id) ?? 0) - 1;
      if (n > 0) this.wanted.set(id, n);
      else this.wanted.delete(id);
    }
  }

  /** The server knows nothing yet: a new connection. */
  forget(): void {
    this.told.clear();
  }

  /** Whether any device is wanted at all. */
  get any(): boolean {
    return this.wanted.size > 0;
  }

  /**
   * What to send so that the server's filter becomes what is wanted. What goes is told first, so
   * that the filter never grows over the server's limit.
   */
  changes(): object[] {
    const out: object[] = [];
    const less = [...this.told].filter((id) => id !== nobody && !this.wanted.has(id));
    for (const id of less) this.told.delete(id);
    if (less.length > 0) out.push({ action: 'unsubscribe', device_ids: less });
    const more = [...this.wanted.keys()]
      .filter((id) => !this.told.has(id))
      .slice(0, Math.max(0, most - this.told.size));
    if (!this.told.has(nobody)) more.unshift(nobody);
    for (const id of more) this.told.add(id);
    if (more.length > 0) out.push({ action: 'subscribe', device_ids: more });
    return out;
  }
}
