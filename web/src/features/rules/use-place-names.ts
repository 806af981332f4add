import { useGroups } from '@/features/groups/queries';
import { useSites } from '@/features/sites/queries';
import type { PlaceNames } from './sentence';

/** Names of sites and groups, by their ids. */
export function usePlaceNames(): PlaceNames {
  const sites = useSites();
  const groups = useGroups();
  return {
    sites: new Map((sites.data ?? []).map((s) => [s.site_id, s.name])),
    groups: new Map((groups.data ?? []).map((g) => [g.group_id, g.name])),
  };
}
