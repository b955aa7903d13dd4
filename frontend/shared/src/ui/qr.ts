/** A QR code's rows ("0110…", one digit a module) as one SVG path: no image, no inline style. */
export function qrPath(rows: readonly string[]): string {
  const runs: string[] = [];
  rows.forEach((row, y) => {
    for (const run of row.matchAll(/1+/g)) {
      const width = String(run[0].length);
      runs.push(`M${String(run.index)} ${String(y)}h${width}v1h-${width}z`);
    }
  });
  return runs.join("");
}
