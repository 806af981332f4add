// Message routes and dead letters, one function for each call.
import { answer, client } from './client';

const routesPath = '/api/v1/customer/message-routes' as const;
const lettersPath = '/api/v1/customer/dead-letter' as const;

export type DestinationType = 'webhook' | 'mqtt_republish' | 'postgresql';

export interface MessageRoute {
  id: number;
  name: string;
  topic_filter: string;
  destination_type: DestinationType;
  /** Secrets are '***'. */
  destination_config: Record<string, unknown>;
  payload_filter?: Record<string, unknown> | null;
  is_enabled: boolean;
  queued_count: number;
  failed_count: number;
  updated_at: string;
}

/** What a person says of a route; a member that is left out stays. */
export interface RouteInput {
  name: string;
  topic_filter: string;
  destination_type: DestinationType;
  destination_config: Record<string, unknown>;
  payload_filter: Record<string, unknown> | null;
}

export interface RouteTest {
  success: boolean;
  error?: string | null;
  status_code?: number | null;
  duration_ms: number;
  matches: boolean;
  reasons: string[];
}

export interface RouteVerdict {
  route_id: number;
  name: string;
  is_enabled: boolean;
  matches: boolean;
  reasons: string[];
}

export type LetterStatus = 'FAILED' | 'REPLAYED' | 'DISCARDED';

export interface DeadLetter {
  id: number;
  route_id?: number | null;
  route_name?: string | null;
  original_topic: string;
  payload: unknown;
  destination_type: string;
  error_message?: string | null;
  attempts: number;
  status: LetterStatus;
  created_at: string;
  replayed_at?: string | null;
}

export interface LetterReason {
  route_id?: number | null;
  route_name?: string | null;
  destination_type: string;
  error_message: string;
  count: number;
  first_at: string;
  last_at: string;
}

export interface LetterFilter {
  status?: LetterStatus;
  route_id?: number;
  search?: string;
}

const one = (route_id: number) => ({ params: { path: { route_id } } });
const letter = (dlq_id: number) => ({ params: { path: { dlq_id } } });

export const routes = {
  list: (search: string, limit: number) =>
    answer<{ routes: MessageRoute[]; total: number }>(
      client.GET(routesPath, { params: { query: { limit, ...(search ? { search } : {}) } } }),
    ),
  create: (body: RouteInput) => answer<MessageRoute>(client.POST(routesPath, { body })),
  update: (id: number, body: Partial<RouteInput> & { is_enabled?: boolean }) =>
    answer<MessageRoute>(client.PUT(`${routesPath}/{route_id}`, { ...one(id), body })),
  remove: (id: number) => answer<unknown>(client.DELETE(`${routesPath}/{route_id}`, one(id))),
  /** Sends this message (absent: a sample) to the route's destination, whether the route takes it or not. */
  test: (id: number, message: { topic?: string; payload?: Record<string, unknown> } = {}) =>
    answer<RouteTest>(client.POST(`${routesPath}/{route_id}/test`, { ...one(id), body: message })),
  match: (topic: string, payload: Record<string, unknown>) =>
    answer<{ matched: number; routes: RouteVerdict[] }>(
      client.POST(`${routesPath}/match`, { body: { topic, payload } }),
    ),
};

export const letters = {
  list: (filter: LetterFilter, limit: number, offset: number) =>
    answer<{ messages: DeadLetter[]; total: number }>(
      client.GET(lettersPath, { params: { query: { ...filter, limit, offset } } }),
    ),
  reasons: () =>
    answer<{ reasons: LetterReason[] }>(client.GET(`${lettersPath}/reasons`)).then((r) => r.reasons),
  replay: (ids: number[]) =>
    answer<{ replayed: number; failed: number; results: { id: number; error?: string | null }[] }>(
      client.POST(`${lettersPath}/replay-batch`, { body: { ids } }),
    ),
  discard: (id: number) => answer<unknown>(client.DELETE(`${lettersPath}/{dlq_id}`, letter(id))),
  purge: (older_than_days: number) =>
    answer<{ purged: number }>(
      client.DELETE(`${lettersPath}/purge`, { params: { query: { older_than_days } } }),
    ),
};
