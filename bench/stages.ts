import { readFileSync } from "node:fs";
import { backendNames, compileBackend, fragmentOf, irOf, specOf } from "../compiler/index.ts";

/** Processor time of each stage in one process. Usage: node dist/bench/stages.js FILE NODE */
const [path = "", node = ""] = process.argv.slice(2);

function seconds(): number {
  const usage = process.cpuUsage();
  return (usage.user + usage.system) / 1e6;
}

let last = seconds();

function report(stage: string): void {
  const now = seconds();
  process.stdout.write(`  ${stage.padEnd(22)} ${(now - last).toFixed(2)} s\n`);
  last = now;
}

process.stdout.write(`${path}\n`);
const file = { path, text: readFileSync(path, "utf8") };
report("start and read");
const { fragment } = await fragmentOf(file);
report("parse");
const { spec } = specOf([fragment]);
report("merge and check");
const { ir } = irOf(spec, node);
report("resolve");
for (const backend of backendNames) {
  const { files } = await compileBackend(ir, backend);
  const bytes = files.reduce((sum, made) => sum + made.chunks.reduce((total, chunk) => total + chunk.length, 0), 0);
  report(`${backend} (${(bytes / 1e6).toFixed(1)} MB)`);
}
