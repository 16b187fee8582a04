import { loadBackend } from "../compiler/backends/registry.ts";
import { backendNames, fragmentOf, irOf, specOf } from "../compiler/index.ts";
import { verifyFiles } from "../compiler/verify/verify.ts";
import { generateWeir, nodeName } from "./generate.ts";

/**
 * `npm run bench:verify`: what a proof costs, as processor time and highest memory, for growing specs. Lowering, printing and reading back
 * are part of it, as in `weir verify`. Usage: node dist/bench/verify.js [SERVICES…]
 */
const endpoints = 8;
const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100, 1000, 5000, 20_000];

function seconds(): number {
  const usage = process.cpuUsage();
  return (usage.user + usage.system) / 1e6;
}

/** Verifies all backends; throws when one of them differs, because its figures would mean nothing. */
async function measured(services: number): Promise<string> {
  const file = { path: "bench.weir", text: generateWeir({ services, endpoints }) };
  const start = seconds();
  const { fragment } = await fragmentOf(file);
  const { ir } = irOf(specOf([fragment]).spec, nodeName(0));
  const parts = [`${services} x ${endpoints}`, `read ${(seconds() - start).toFixed(1)}`];
  let classes = 0;
  for (const name of backendNames) {
    const before = seconds();
    const backend = await loadBackend(name);
    const report = await verifyFiles(ir, name, backend.print(backend.lower(ir).program));
    if (report.differing > 0) throw new Error(`${name} differs for ${report.differing} of ${report.classes} classes`);
    classes += report.classes;
    parts.push(`${name} ${(seconds() - before).toFixed(1)}`);
  }
  const megabytes = process.resourceUsage().maxRSS / 1024;
  parts.push(`all ${(seconds() - start).toFixed(1)}`, `${classes} classes`, `${megabytes.toFixed(0)} MB so far`);
  return parts.join(" | ");
}

process.stdout.write("seconds of processor time: services x endpoints, each stage\n");
for (const services of sizes) process.stdout.write(`${await measured(services)}\n`);
