import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The gateway that the development server passes API calls on to. */
const gateway = process.env.PULSE_URL ?? 'http://127.0.0.1:8080';
const passOn = { target: gateway, changeOrigin: false, ws: true };

export default defineConfig({
  base: '/app/',
  plugins: [react(), tailwindcss()],
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
