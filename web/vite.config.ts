import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { apiDocs } from './scripts/api-docs';

/** The gateway that the development server passes API calls on to. */
const gateway = process.env.PULSE_URL ?? 'http://127.0.0.1:8080';
const passOn = { target: gateway, changeOrigin: false, ws: true };

/** The font at a path without a hash, for the sign-in form, which is not part of this build. */
const fontOfTheForm: Plugin = {
  name: 'font-of-the-form',
  generateBundle() {
    const file = 'node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2';
    const source = readFileSync(new URL(file, import.meta.url));
    this.emitFile({ type: 'asset', fileName: 'fonts/inter.woff2', source });
  },
};

export default defineConfig({
  base: '/app/',
  plugins: [react(), tailwindcss(), fontOfTheForm, apiDocs()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    manifest: true,
    // Nothing inline: the content security policy takes fonts and images from ourselves only.
    assetsInlineLimit: 0,
    sourcemap: false,
    modulePreload: { polyfill: false },
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: Object.fromEntries(
      ['/api', '/login', '/logout', '/callback', '/ingest', '/realms', '/openapi.json'].map((p) => [
        p,
        passOn,
      ]),
    ),
  },
});
