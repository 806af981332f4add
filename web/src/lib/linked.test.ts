import { expect, it } from 'vitest';
import { linked } from './linked';

it('finds web addresses in a text, without what ends the sentence', () => {
  expect(linked('Read https://wiki.example/pump?a=1, then call (see https://b.example/x).')).toEqual([
    { text: 'Read ' },
    { text: 'https://wiki.example/pump?a=1', href: 'https://wiki.example/pump?a=1' },
    { text: ', then call (see ' },
    { text: 'https://b.example/x', href: 'https://b.example/x' },
    { text: ').' },
  ]);
});

it('links nothing else', () => {
  const text = 'javascript:alert(1) and www.example.com';
  expect(linked(text)).toEqual([{ text }]);
  expect(linked('')).toEqual([]);
});
