import { useQuery } from '@tanstack/react-query';
import { api } from '@/api/customer';

export function useTemplates(source?: 'system' | 'tenant') {
  return useQuery({
    queryKey: ['templates', source ?? 'all'],
    queryFn: () => api.templates(source),
    staleTime: 60_000,
  });
}
