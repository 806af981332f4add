// Views of the list that a person has named: filter, order and columns, kept in this browser.
import { useSession } from '@/auth/session';
import { useStored } from '@/lib/use-stored';

export interface View {
  name: string;
  q: string;
  sort: string | null;
  /** Column id → shown; absent means shown. */
  columns: Record<string, boolean>;
}

/** With this view, in order of names; one of the same name is replaced. */
export function withView(views: readonly View[], view: View): View[] {
  return [...views.filter((v) => v.name !== view.name), view].sort((a, b) =>
    a.name.localeCompare(b.name),
  );
}

/** The view that the page shows now, or null. */
export function viewOf(views: readonly View[], now: Omit<View, 'name'>): View | null {
  const hidden = (c: Record<string, boolean>) =>
    Object.keys(c)
      .filter((id) => c[id] === false)
      .sort()
      .join();
  return (
    views.find(
      (v) => v.q === now.q && v.sort === now.sort && hidden(v.columns) === hidden(now.columns),
    ) ?? null
  );
}

export function useViews() {
  // Ids of sites and templates mean nothing in another organization.
  const { tenant } = useSession();
  return useStored<View[]>(`pulse.devices.views.${tenant}`, []);
}
