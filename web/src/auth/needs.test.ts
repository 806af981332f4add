import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { callOf, needs } from './needs';

interface Document {
  paths: Record<string, Record<string, { 'x-permission'?: string }>>;
}

// The document is made by the build, which is before the tests.
it('asks for what the document says', () => {
  const { paths } = JSON.parse(readFileSync('openapi.json', 'utf8')) as Document;
  const said = Object.fromEntries(
    Object.entries(callOf).map(([name, call]) => {
      const [method, path] = call.split(' ') as [string, string];
      return [name, paths[`/api/v1/customer${path}`]?.[method.toLowerCase()]?.['x-permission']];
    }),
  );
  expect(said).toEqual(needs);
});
