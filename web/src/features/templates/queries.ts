import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/api/customer';
import { templates } from '@/api/templates';

export function useTemplates(source?: 'system' | 'tenant', enabled = true) {
  return useQuery({
    queryKey: ['templates', source ?? 'all'],
    queryFn: () => api.templates(source),
    staleTime: 60_000,
    enabled,
  });
}

export function useTemplate(id: number | null | undefined) {
  return useQuery({
    queryKey: ['templates', 'one', id],
    queryFn: () => templates.detail(id!),
    enabled: typeof id === 'number' && Number.isInteger(id),
    staleTime: 30_000,
  });
}

export function useTemplateVersions(id: number) {
  return useQuery({ queryKey: ['templates', 'versions', id], queryFn: () => templates.versions(id) });
}

/** Something that changes templates: all that shows them is asked anew. */
export function useTemplateWrite<In, Out>(
  act: (input: In) => Promise<Out>,
  then: { onSuccess?: (made: Out, input: In) => void; onError?: (error: unknown) => void } = {},
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (made, input) => {
      for (const key of ['templates', 'getting-started', 'metrics', 'device-sensors'])
        void queries.invalidateQueries({ queryKey: [key] });
      then.onSuccess?.(made, input);
    },
    onError: then.onError,
  });
}
