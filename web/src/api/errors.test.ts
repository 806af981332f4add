import { describe, expect, it } from 'vitest';
import { asApiError, errorFrom } from './errors';

describe('errors', () => {
  it('puts each validation fault at its field and keeps the request id', () => {
    const e = errorFrom(422, new Headers({ 'X-Request-ID': 'r-1' }), {
      detail: [
        { loc: ['body', 'site_id'], msg: 'Field required', type: 'missing' },
        { loc: ['body', 'tags', 0], msg: 'Should be text', type: 'string_type' },
        { loc: ['query', 'limit'], msg: 'Too large', type: 'out_of_range' },
      ],
    });
    expect(e.fields).toEqual({
      site_id: 'Field required',
      'tags.0': 'Should be text',
      limit: 'Too large',
    });
    expect(e.requestId).toBe('r-1');
  });
  it('prefers the words of the server', () => {
    expect(errorFrom(409, new Headers(), { detail: 'Device already exists' }).message).toBe(
      'Device already exists',
    );
    expect(errorFrom(503, new Headers({ 'Retry-After': '2' }), null).retryAfter).toBe(2);
    expect(asApiError(new TypeError('fetch failed')).status).toBe(0);
  });
});
