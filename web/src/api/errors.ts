// What can go wrong with a call, in words a person can act on.

export interface Fault {
  loc: (string | number)[];
  msg: string;
  type: string;
}

/** A refused or failed call. `status` 0 means that no answer came at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly requestId: string | null = null,
    readonly faults: Fault[] = [],
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** First fault of each body or query member, by its name. */
  get fields(): Record<string, string> {
    const out: Record<string, string> = {};
    for (const fault of this.faults) {
      const name = fieldOf(fault);
      if (name && !(name in out)) out[name] = fault.msg;
    }
    return out;
  }
}

/** The member that a fault is about: `["body","site_id"]` is `site_id`. */
export function fieldOf(fault: Fault): string {
  const parts = fault.loc.map(String);
  const first = parts[0];
  const rest = first === 'body' || first === 'query' || first === 'path' ? parts.slice(1) : parts;
  return rest.join('.');
}

const ofStatus: Record<number, string> = {
  0: 'Pulse could not be reached. Check the network; your input is kept.',
  401: 'Your session has ended. Sign in again.',
  403: 'Your role does not allow this.',
  404: 'This does not exist, or not any more.',
  413: 'That is more than Pulse takes at once.',
  429: 'Too many requests for the moment.',
  502: 'Pulse is starting or unreachable behind its proxy.',
  503: 'Pulse can not do this right now. It tries again by itself.',
};

function isFault(value: unknown): value is Fault {
  return (
    typeof value === 'object' &&
    value !== null &&
    Array.isArray((value as Fault).loc) &&
    typeof (value as Fault).msg === 'string'
  );
}

/** An ApiError from an answer's status, headers and decoded body. */
export function errorFrom(status: number, headers: Headers, body: unknown): ApiError {
  const detail = (body as { detail?: unknown } | null | undefined)?.detail;
  const faults = Array.isArray(detail) ? detail.filter(isFault) : [];
  const retry = Number(headers.get('Retry-After'));
  let message: string;
  if (typeof detail === 'string' && detail) message = detail;
  else if (faults.length > 0)
    message = faults.map((f) => `${fieldOf(f) || 'input'}: ${f.msg}`).join('; ');
  else message = ofStatus[status] ?? `The server answered with status ${status}.`;
  return new ApiError(
    status,
    message,
    headers.get('X-Request-ID'),
    faults,
    Number.isFinite(retry) && retry > 0 ? retry : null,
  );
}

/** Any thrown thing as an ApiError. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof TypeError) return new ApiError(0, ofStatus[0]!);
  return new ApiError(-1, error instanceof Error ? error.message : String(error));
}
