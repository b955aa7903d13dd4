/** Fails when what a first visit must load before it can chat has grown over its budget. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET = 70_000;
const DIST = join(import.meta.dirname, "../chat/dist");

/** The page itself and what it names; lazy parts are named by scripts only. */
function shell() {
  const html = readFileSync(join(DIST, "index.html"), "utf8");
  const named = html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g);
  return ["index.html", ...[...named].flatMap((match) => match[1] ?? [])];
}

const sizes = shell().map((file) => {
  const bytes = gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length;
  return { file, bytes };
});
const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
for (const { file, bytes } of sizes) console.log(`${String(bytes).padStart(7)}  ${file}`);
console.log(`${String(total).padStart(7)}  chat shell, gzip (budget ${String(BUDGET)})`);
if (total > BUDGET) process.exitCode = 1;
