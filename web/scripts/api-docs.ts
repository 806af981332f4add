// Swagger UI and ReDoc as part of the build: their files under assets/api-docs with a hash in the name, and the
// two pages that the gateway serves as /docs and /redoc.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

const own = ['page.css', 'start-swagger.js', 'start-redoc.js'].map((name) => `api-docs/${name}`);
const packaged = [
  'node_modules/swagger-ui-dist/swagger-ui.css',
  'node_modules/swagger-ui-dist/swagger-ui-bundle.js',
  'node_modules/redoc/bundles/redoc.standalone.js',
];
/** The one picture that ReDoc would fetch from another host. */
const foreignLogo = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** The file as it is served: nothing from another host, no map that isn't there. */
function served(path: string): string {
  const source = read(path).replace(/\n(\/\/|\/\*)# sourceMappingURL=[^\n]*\s*$/, '');
  if (!path.includes('redoc.standalone')) return source;
  if (source.split(foreignLogo).length !== 2) throw new Error(`${path}: where is its logo now?`);
  return source.replace(foreignLogo, '/app/icon.svg');
}

/** Adds the pages of the interface's documentation to the build. */
export function apiDocs(): Plugin {
  return {
    name: 'api-docs',
    apply: 'build',
    generateBundle() {
      const names = new Map<string, string>();
      for (const path of [...packaged, ...own]) {
        const source = served(path);
        const [, name, extension] = /([^/]+)\.(\w+)$/.exec(path)!;
        const hash = createHash('sha256').update(source).digest('base64url').slice(0, 8);
        const fileName = `assets/api-docs/${name}-${hash}.${extension}`;
        this.emitFile({ type: 'asset', fileName, source });
        names.set(`${name}.${extension}`, `/app/${fileName}`);
      }
      for (const page of ['swagger', 'redoc']) {
        const source = read(`api-docs/${page}.html`).replace(/\{\{(.+?)\}\}/g, (_, name: string) => {
          const found = names.get(name);
          if (!found) throw new Error(`api-docs/${page}.html: no file ${name}`);
          return found;
        });
        this.emitFile({ type: 'asset', fileName: `api-docs/${page}.html`, source });
      }
    },
  };
}
