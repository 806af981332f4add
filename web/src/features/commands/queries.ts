import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { control, type CommandStatus } from '@/api/control';
import { usePolling } from '@/live/hooks';

// The first member of this key is what the server tells when commands of a device change.
export const commandsKey = (id: string) => [`commands:${id}`];

export function useCommands(id: string, status: CommandStatus | null, limit: number) {
  const polling = usePolling();
  return useQuery({
    queryKey: [...commandsKey(id), status, limit],
    queryFn: () => control.commands(id, status, limit),
    placeholderData: keepPreviousData,
    refetchInterval: polling,
  });
}

/** What the device's template says it understands. */
export function useDefinitions(template: number | null) {
  return useQuery({
    queryKey: ['templates', 'commands', template],
    queryFn: () => control.definitions(template!),
    enabled: template !== null,
    staleTime: 60_000,
  });
}
