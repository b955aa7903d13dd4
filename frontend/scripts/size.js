/** Fails when what a first visit must load before it can do its work has grown over its budget. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** What each app's page may weigh, in bytes of gzip. */
const BUDGETS = { chat: 70_000, kiosk: 30_000 };
const PREFIXES = { chat: "/", kiosk: "/kiosk/" };

/** The page itself and what it names; lazy parts are named by scripts only. */
function shell(app) {
  const dist = join(import.meta.dirname, "..", app, "dist");
  const html = readFileSync(join(dist, "index.html"), "utf8");
  const named = html.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g);
  const files = ["index.html", ...[...named].map(([, path]) => path.slice(PREFIXES[app].length))];
  return files.map((file) => {
    const bytes = gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
    return { file, bytes };
  });
}

for (const [app, budget] of Object.entries(BUDGETS)) {
  const files = shell(app);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { file, bytes } of files) console.log(`${String(bytes).padStart(7)}  ${file}`);
  console.log(`${String(total).padStart(7)}  ${app} shell, gzip (budget ${String(budget)})`);
  if (total > budget) process.exitCode = 1;
}
