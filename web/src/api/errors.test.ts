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

it('names the missing permission of a refusal', () => {
  const refused = errorFrom(403, new Headers(), { detail: 'Permission required: devices.tokens.rotate' });
  expect(refused.permission).toBe('devices.tokens.rotate');
  expect(refused.message).toContain('devices.tokens.rotate');
  expect(refused.detail).toBe('Permission required: devices.tokens.rotate');
  const grant = { detail: "Nobody can grant what they don't hold: users.roles" };
  expect(errorFrom(403, new Headers(), grant).permission).toBe('users.roles');
  expect(errorFrom(403, new Headers(), { detail: 'Organization suspended: contact support' }).permission).toBeNull();
  expect(errorFrom(404, new Headers(), { detail: 'Permission required: a.b' }).permission).toBeNull();
});
