// Makes .br and .gz copies of the built files, which the gateway sends as they are.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const worthIt = /\.(js|css|html|svg|json|txt|map|wasm)$/;
const smallest = 512;

/** All files under a folder. */
function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

let count = 0;
for (const path of files('dist')) {
  if (!worthIt.test(path)) continue;
  const plain = readFileSync(path);
  if (plain.length < smallest) continue;
  const br = brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    },
  });
  writeFileSync(`${path}.br`, br);
  writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
  count += 1;
}
console.log(`precompressed ${count} files`);
