import { useQuery, useQueryClient } from '@tanstack/react-query';
import { routes, type DestinationType, type MessageRoute } from '@/api/routes';
import { usePolling } from '@/live/hooks';

// The server tells of changes by this name.
export const routesKey = ['message-routes'];
export const routesShown = 500;

export function useRoutes(search: string) {
  const polling = usePolling();
  return useQuery({
    queryKey: [...routesKey, search],
    queryFn: () => routes.list(search, routesShown),
    refetchInterval: polling,
  });
}

export function useRefreshRoutes() {
  const queries = useQueryClient();
  return () => void queries.invalidateQueries({ queryKey: routesKey });
}

export const destinations: { value: DestinationType; label: string }[] = [
  { value: 'webhook', label: 'Webhook' },
  { value: 'mqtt_republish', label: 'Another topic' },
  { value: 'postgresql', label: 'PostgreSQL' },
];

export const destinationTitle = (type: string): string =>
  destinations.find((d) => d.value === type)?.label ?? type;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Where a route leads, in a few words. */
export function destinationWords(route: MessageRoute): string {
  const config = route.destination_config;
  if (route.destination_type === 'webhook') return text(config.url);
  if (route.destination_type === 'mqtt_republish') return text(config.topic);
  return text(config.table) ? `table ${text(config.table)}` : 'the built-in store';
}
