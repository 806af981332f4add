import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { people, type Preferences } from '@/api/people';
import { useSession } from '@/auth/session';
import { peopleKeys } from '@/features/people/queries';
import { setTheme, type ThemeChoice } from '@/lib/theme';
import { keepStartPage } from '@/lib/start-page';

const isTheme = (x: unknown): x is ThemeChoice => x === 'light' || x === 'dark' || x === 'system';

/** What the caller prefers. */
export function usePreferences() {
  return useQuery({ queryKey: peopleKeys.preferences, queryFn: people.preferences, staleTime: 60_000 });
}

/** Makes the person's choices hold in this browser, too: they were made in another one, perhaps. */
export function useSyncAppearance(): void {
  const { kind } = useSession();
  const { data } = useQuery({
    queryKey: peopleKeys.preferences,
    queryFn: people.preferences,
    staleTime: 60_000,
    enabled: kind === 'customer',
  });
  const saved = data?.updated_at;
  useEffect(() => {
    if (!data || !saved) return;
    keepStartPage(data.appearance.start_page);
    const theme = data.appearance.theme;
    const seen = 'pulse.appearance-seen';
    // Once for each saving: the theme may be another one in this browser for a while.
    if (!isTheme(theme) || localStorage.getItem(seen) === saved) return;
    localStorage.setItem(seen, saved);
    setTheme(theme);
  }, [data, saved]);
}

/** Saves parts of the appearance beside what is there. */
export function useSaveAppearance() {
  const queries = useQueryClient();
  return async (part: Record<string, unknown>) => {
    const now =
      queries.getQueryData<Preferences>(peopleKeys.preferences) ?? (await people.preferences());
    const next = await people.changePreferences({ appearance: { ...now.appearance, ...part } });
    queries.setQueryData(peopleKeys.preferences, next);
  };
}
