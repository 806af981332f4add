// The typed client: paths and inputs from the generated schema, one place for the CSRF token,
// the session's end, and errors.
import createClient, { type Middleware } from 'openapi-fetch';
import type { AuthStatus } from './types';
import { ApiError, asApiError, errorFrom } from './errors';
import type { paths } from './schema';

let csrf: string | null = null;
let onSessionEnd: () => void = () => {};
const changing = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Called when an answer says that nobody is signed in any more. */
export function whenSessionEnds(callback: () => void): void {
  onSessionEnd = callback;
}

/** Something else than an answer said that nobody is signed in any more. */
export const sessionEnded = (): void => onSessionEnd();

function remember(answer: Response): void {
  const token = answer.headers.get('X-CSRF-Token');
  if (token) csrf = token;
}

/** What a call that goes past `client` sends as X-CSRF-Token. */
export async function csrfToken(): Promise<string> {
  if (csrf === null) remember(await fetch('/api/auth/status', { cache: 'no-store' }));
  return csrf ?? '';
}

const session: Middleware = {
  async onRequest({ request }) {
    if (changing.has(request.method)) request.headers.set('X-CSRF-Token', await csrfToken());
    return request;
  },
  onResponse({ response }) {
    remember(response);
    if (response.status === 401) onSessionEnd();
    if (response.status === 403) csrf = null; // a stale token is fetched anew next time
    return undefined;
  },
};

export const client = createClient<paths>({
  baseUrl: '',
  credentials: 'same-origin',
  // Arrays repeat the name (metric=a&metric=b); absent members are left out.
  querySerializer: { array: { style: 'form', explode: true } },
});
client.use(session);

interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** The answer's body as `T`, or an ApiError with the request id. */
export async function answer<T>(call: Promise<Answer>): Promise<T> {
  let result: Answer;
  try {
    result = await call;
  } catch (error) {
    throw asApiError(error);
  }
  if (!result.response.ok)
    throw errorFrom(result.response.status, result.response.headers, result.error);
  return result.data as T;
}

declare global {
  interface Window {
    /** The first question for the status, asked by theme.js before this code was loaded. */
    pulseFirstStatus?: Promise<Response>;
  }
}

/** Who is signed in. */
export async function authStatus(): Promise<AuthStatus> {
  let reply: Response;
  const asked = window.pulseFirstStatus;
  delete window.pulseFirstStatus;
  try {
    reply = await (asked ?? fetch('/api/auth/status', { cache: 'no-store' }));
  } catch (error) {
    throw asApiError(error);
  }
  remember(reply);
  if (!reply.ok) throw errorFrom(reply.status, reply.headers, null);
  return (await reply.json()) as AuthStatus;
}

/** Renews the session; answers the seconds until it ends. */
export async function refreshSession(): Promise<number> {
  const reply = await fetch('/api/auth/refresh', {
    method: 'POST',
    headers: { 'X-CSRF-Token': await csrfToken() },
  });
  remember(reply);
  const body = (await reply.json().catch(() => null)) as { expires_in?: number } | null;
  if (!reply.ok) throw errorFrom(reply.status, reply.headers, body);
  return body?.expires_in ?? 60;
}

/** A single-use ticket for the legacy WebSocket. */
export async function wsTicket(): Promise<string> {
  const reply = await fetch('/api/ws-ticket', { cache: 'no-store' });
  remember(reply);
  if (!reply.ok) throw errorFrom(reply.status, reply.headers, null);
  const body = (await reply.json()) as { ticket?: string };
  if (!body.ticket) throw new ApiError(-1, 'The server gave no ticket.');
  return body.ticket;
}
