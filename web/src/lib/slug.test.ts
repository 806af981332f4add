import { expect, it } from 'vitest';
import { slug } from './slug';

it('makes an id of a name', () => {
  expect(slug('Hamburg Hub')).toBe('hamburg-hub');
  expect(slug('  Gdańsk: Terminal #4 ')).toBe('gdansk-terminal-4');
  expect(slug('東京')).toBe('');
});
