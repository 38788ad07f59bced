// Compresses what was built, once, as well as it can be: the server sends these files as they are and
// compresses nothing itself. What does not get smaller (pictures, fonts) has no copy.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url);
const COMPRESSIBLE = /\.(css|html|ico|js|json|svg|txt|webmanifest)$/;

const brotli = (content) =>
  brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
const gzip = (content) => gzipSync(content, { level: constants.Z_BEST_COMPRESSION });

for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !COMPRESSIBLE.test(entry.name)) continue;
  const path = `${entry.parentPath ?? entry.path}/${entry.name}`;
  const content = readFileSync(path);
  for (const [suffix, compress] of [
    ["br", brotli],
    ["gz", gzip],
  ]) {
    const compressed = compress(content);
    if (compressed.length < content.length) writeFileSync(`${path}.${suffix}`, compressed);
  }
}
