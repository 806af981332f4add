// Fails the build when a page asks for more JavaScript than the budget allows (gzip bytes):
// the first load, and what each further route or part adds to what is loaded by then.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const KIB = 1024;
const initialLimit = 150 * KIB;
const routeLimit = 80 * KIB;

const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'));
const sizes = new Map();

/** gzip size of one built file. */
function size(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length);
  return sizes.get(file);
}

/** Every chunk that loading `key` pulls in statically, itself included. */
function closure(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const next of manifest[key].imports ?? []) closure(next, seen);
  return seen;
}

/** What is loaded by then, whoever opens `key`: a tab adds to its page, not to an empty window. */
function loadedBefore(key) {
  const openers = Object.keys(manifest).filter((k) => manifest[k].dynamicImports?.includes(key));
  const [first = initial, ...others] = openers.map((k) => closure(k));
  return new Set([...initial, ...[...first].filter((part) => others.every((o) => o.has(part)))]);
}

const total = (keys) => [...keys].reduce((sum, key) => sum + size(manifest[key].file), 0);
const kib = (bytes) => `${(bytes / KIB).toFixed(1)} KiB`;

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const initial = closure(entry);
const rows = [['initial', total(initial), initialLimit]];
for (const key of Object.keys(manifest)) {
  if (!manifest[key].isDynamicEntry || !manifest[key].file.endsWith('.js')) continue;
  const before = loadedBefore(key);
  const added = [...closure(key)].filter((part) => !before.has(part));
  rows.push([manifest[key].src ?? key, total(added), routeLimit]);
}

let over = 0;
for (const [name, bytes, limit] of rows) {
  const bad = bytes > limit;
  if (bad) over += 1;
  console.log(`${bad ? 'OVER ' : 'ok   '} ${kib(bytes).padStart(10)} of ${kib(limit)}  ${name}`);
}
if (over > 0) {
  console.error(`${over} over the bundle budget`);
  process.exit(1);
}
