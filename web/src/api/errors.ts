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
    /** What the server said, word by word. */
    readonly detail: string = message,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** The permission that the caller lacks, where that is why the call was refused. */
  get permission(): string | null {
    return this.status === 403 ? permissionIn(this.detail) : null;
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

/** "Permission required: devices.update" → "devices.update"; null for any other refusal. */
export function permissionIn(detail: string): string | null {
  const found = /^(?:Permission required|Nobody can grant what they don't hold): ([\w-]+(?:\.[\w-]+)+)$/;
  return found.exec(detail)?.[1] ?? null;
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
  const missing = status === 403 && typeof detail === 'string' ? permissionIn(detail) : null;
  if (missing)
    message = `This needs the permission ${missing}. An administrator of your organization can grant it.`;
  else if (typeof detail === 'string' && detail) message = detail;
  else if (faults.length > 0)
    message = faults.map((f) => `${fieldOf(f) || 'input'}: ${f.msg}`).join('; ');
  else message = ofStatus[status] ?? `The server answered with status ${status}.`;
  return new ApiError(
    status,
    message,
    headers.get('X-Request-ID'),
    faults,
    Number.isFinite(retry) && retry > 0 ? retry : null,
    typeof detail === 'string' ? detail : message,
  );
}

/** Any thrown thing as an ApiError. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof TypeError) return new ApiError(0, ofStatus[0]!);
  return new ApiError(-1, error instanceof Error ? error.message : String(error));
}
