/** What every app's build has in common: modern syntax, hashed names, siblings compressed once. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { PluginOption, UserConfig } from "vite";

const COMPRESSIBLE = new Set([".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt"]);
const WORTH_IT = 512;

const toBrotli = promisify(brotliCompress);
const toGzip = promisify(gzip);

async function* filesBelow(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => a.name.localeCompare(b.name))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** Writes `.br` and `.gz` beside each text file. Node's gzip leaves the time stamp empty, so two
 * builds of one source are equal byte for byte. */
function compressed(): PluginOption {
  let folder = "";
  return {
    name: "parlor-compressed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    async closeBundle() {
      for await (const path of filesBelow(folder)) {
        if (!COMPRESSIBLE.has(extname(path)) || (await stat(path)).size < WORTH_IT) continue;
        const source = await readFile(path);
        const brotli = await toBrotli(source, {
          params: {
            [constants.BROTLI_PARAM_QUALITY]: 11,
            [constants.BROTLI_PARAM_SIZE_HINT]: source.length,
          },
        });
        await writeFile(`${path}.br`, brotli);
        await writeFile(`${path}.gz`, await toGzip(source, { level: 9 }));
      }
    },
  };
}

export function appConfig(base: string): UserConfig {
  return {
    base,
    plugins: [svelte({ configFile: "../svelte.config.js" }), compressed()],
    build: {
      outDir: "dist",
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
    server: { proxy: { "/api": "http://127.0.0.1:8000", "/health": "http://127.0.0.1:8000" } },
  };
}
