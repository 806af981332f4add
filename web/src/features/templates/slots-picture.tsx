// A device with its slots as ports: what is free, what is taken, by which interface.
import { cx } from '@/lib/cx';

export interface PicturedSlot {
  slot_key: string;
  display_name: string;
  interface_type: string;
  /** How many modules it takes; null: any number. */
  max_devices: number | null;
  is_required: boolean;
}
export interface PicturedModule {
  id: number;
  slot_key: string;
  label: string;
  bus_address?: string | null;
}

/** "free", "2 of 4", "full": how a slot stands. */
export function fillOf(slot: PicturedSlot, used: number): { word: string; full: boolean } {
  const most = slot.max_devices;
  if (most !== null && used >= most) return { word: most === 0 ? 'closed' : 'full', full: true };
  if (used === 0) return { word: most === null ? 'free, any number' : most === 1 ? 'free' : `free, ${most}`, full: false };
  return { word: most === null ? `${used} installed` : `${used} of ${most}`, full: false };
}

/** Boxes drawn for a slot: what is installed, and free places as far as they can be counted. */
const placesOf = (slot: PicturedSlot, used: number): number =>
  Math.max(used, Math.min(8, slot.max_devices ?? used + 1));

export function SlotsPicture({
  device,
  slots,
  modules = [],
  onSlot,
  onModule,
}: {
  device: string;
  slots: readonly PicturedSlot[];
  modules?: readonly PicturedModule[];
  /** A press on a free place. */
  onSlot?: (slot: PicturedSlot) => void;
  onModule?: (module: PicturedModule) => void;
}) {
  const place = 'flex min-h-9 min-w-24 items-center justify-center rounded-s border px-2 py-1 text-12';
  return (
    <div className="p-3">
      <div className="rounded-m border-2 border-line-strong bg-surface-2 p-3">
        <p className="mb-2 truncate text-12 font-medium text-ink-2">{device}</p>
        <ul className="grid gap-2 sm:grid-cols-2">
          {slots.map((slot) => {
            const inside = modules.filter((m) => m.slot_key === slot.slot_key);
            const { word, full } = fillOf(slot, inside.length);
            return (
              <li
                key={slot.slot_key}
                data-slot={slot.slot_key}
                className="min-w-0 rounded-s border border-line-strong bg-surface p-2"
              >
                <p className="flex items-baseline justify-between gap-2">
                  <span className="truncate font-medium">
                    {slot.display_name}
                    {slot.is_required && <span className="font-normal text-ink-3"> (required)</span>}
                  </span>
                  <span className={cx('num shrink-0 text-12', full ? 'text-warning' : 'text-ink-2')}>{word}</span>
                </p>
                <p className="mb-1.5 font-mono text-11 text-ink-3">{slot.interface_type}</p>
                <div className="flex flex-wrap gap-1.5">
                  {Array.from({ length: placesOf(slot, inside.length) }, (_, i) => {
                    const module = inside[i];
                    if (module)
                      return (
                        <button
                          key={i}
                          type="button"
                          onClick={() => onModule?.(module)}
                          disabled={!onModule}
                          className={cx(place, 'border-accent bg-accent-soft text-ink enabled:hover:brightness-95')}
                        >
                          ■ {module.label}
                          {module.bus_address ? ` @ ${module.bus_address}` : ''}
                        </button>
                      );
                    return onSlot ? (
                      <button
                        key={i}
                        type="button"
                        onClick={() => onSlot(slot)}
                        className={cx(place, 'border-dashed border-line-strong text-ink-2 hover:bg-surface-2')}
                      >
                        + free
                        <span className="sr-only">: install a module in {slot.display_name}</span>
                      </button>
                    ) : (
                      <span key={i} className={cx(place, 'border-dashed border-line-strong text-ink-3')}>
                        □ free
                      </span>
                    );
                  })}
                </div>
              </li>
            );
          })}
        </ul>
      </div>
    </div>
  );
}
