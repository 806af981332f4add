// Which devices' telemetry the open pages want: counted per page, told to the server as changes.

/**
 * A subscription that is never given back, so that the server's filter is never empty: an empty
 * filter means every device of the tenant. No device has this name.
 */
export const nobody = '_nobody_';

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

  /** What to send so that the server's filter becomes what is wanted. */
  changes(): object[] {
    const out: object[] = [];
    const more = [...this.wanted.keys()].filter((id) => !this.told.has(id));
    if (!this.told.has(nobody)) more.unshift(nobody);
    // In slices, so that one message stays well below the server's limit.
    for (let i = 0; i < more.length; i += 200)
      out.push({ action: 'subscribe', device_ids: more.slice(i, i + 200) });
    for (const id of more) this.told.add(id);
    for (const id of [...this.told]) {
      if (id === nobody || this.wanted.has(id)) continue;
      this.told.delete(id);
      out.push({ action: 'unsubscribe', device_id: id });
    }
    return out;
  }
}
