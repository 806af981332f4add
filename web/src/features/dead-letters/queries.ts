import { useQuery, useQueryClient } from '@tanstack/react-query';
import { letters, type LetterFilter } from '@/api/routes';
import { routesKey } from '@/features/routes/queries';
import { usePolling } from '@/live/hooks';

// The server tells of changes by this name.
export const lettersKey = ['dead-letters'];
export const pageSize = 50;

export function useLetters(filter: LetterFilter, page: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: [...lettersKey, filter, page],
    queryFn: () => letters.list(filter, pageSize, page * pageSize),
    refetchInterval: polling,
    placeholderData: (before) => before,
  });
}

export function useReasons() {
  return useQuery({ queryKey: [...lettersKey, 'reasons'], queryFn: letters.reasons });
}

export function useRefreshLetters() {
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ queryKey: lettersKey });
    void queries.invalidateQueries({ queryKey: routesKey });
  };
}
