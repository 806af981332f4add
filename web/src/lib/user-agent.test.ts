import { expect, it } from 'vitest';
import { browserOf } from './user-agent';

it('names browser and system', () => {
  const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)';
  expect(browserOf(`${mac} AppleWebKit/605 (KHTML, like Gecko) Version/17 Safari/605`)).toBe(
    'Safari on macOS',
  );
  expect(browserOf('Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36')).toBe(
    'Chrome on Linux',
  );
  expect(browserOf('Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0')).toBe(
    'Edge on Windows',
  );
});

it('leaves a script its name, and says nothing of nothing', () => {
  expect(browserOf('curl/8.5.0')).toBe('curl/8.5.0');
  expect(browserOf('')).toBe('');
});
