// Straight to the form of the identity service, unless that was tried a moment ago: a session that
// does not hold must end at a page that says so, not in a circle.
const key = 'pulse.to-form';
/** Nobody types a password and comes back signed out within this time (ms). */
const circle = 10_000;

type Store = Pick<Storage, 'getItem' | 'setItem'>;

/** Whether to go to the form now; notes that it was done. */
export function mayGoToForm(now: number, store: Store = sessionStorage): boolean {
  const last = Number(store.getItem(key) ?? -circle);
  if (now - last < circle) return false;
  store.setItem(key, String(now));
  return true;
}
