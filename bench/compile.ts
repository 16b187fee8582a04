import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateObjects, generateWeir, nodeName } from "./generate.ts";
import { type Cost, measure, median } from "./measure.ts";

/**
 * `npm run bench`: what a large spec costs, as processor time and memory of whole processes, and what the kernel's own
 * tools need to load the result. Usage: node dist/bench/compile.js [SERVICES] [ENDPOINTS]
 */
const services = Number(process.argv[2] ?? 20_000);
const endpoints = Number(process.argv[3] ?? 8);
const here = dirname(fileURLToPath(import.meta.url));
const weir = join(here, "../bin/weir.js");
const folder = mkdtempSync(join(tmpdir(), "weir-bench-"));

function say(what: string, cost: Cost): void {
  const failed = cost.exitCode === 0 ? "" : `  FAILED with exit code ${cost.exitCode}`;
  process.stdout.write(
    `${what.padEnd(46)} ${cost.seconds.toFixed(2).padStart(7)} s ${cost.megabytes.toFixed(0).padStart(6)} MB${failed}\n`,
  );
}

async function compileFrom(file: string, out: string): Promise<Cost> {
  const args = [weir, "compile", file, "--node", nodeName(0), "--backend", "all", "--quiet", "-o", out];
  return median(3, () => measure(process.execPath, args));
}

/** Loads one file in a network namespace of its own, which goes away with the process. */
async function load(tool: readonly string[], file: string, viaInput: boolean): Promise<Cost> {
  return measure("unshare", ["-n", ...tool, ...(viaInput ? [] : [file])], viaInput ? file : null);
}

try {
  process.stdout.write(`${services} services x ${endpoints} endpoints: processor time and highest memory\n`);
  const size = { services, endpoints };
  const [json, text] = [join(folder, "spec.json"), join(folder, "spec.weir")];
  writeFileSync(json, generateObjects(size));
  writeFileSync(text, generateWeir(size));
  say("node alone", await median(3, () => measure(process.execPath, ["-e", "0"])));
  say("compile --backend all, Kubernetes JSON", await compileFrom(json, join(folder, "json")));
  say("compile --backend all, .weir", await compileFrom(text, join(folder, "weir")));
  const made = join(folder, "weir", nodeName(0));
  const rules = join(made, "iptables/ipv4.rules");
  say("nft -f", await load(["nft", "-f"], join(made, "nftables/ruleset.nft"), false));
  say("iptables-legacy-restore", await load(["iptables-legacy-restore", "--noflush"], rules, true));
  say("iptables-nft-restore", await load(["iptables-nft-restore", "--noflush"], rules, true));
  say("ipset restore", await load(["ipset", "restore"], join(made, "ipvs/ipset.rules"), true));
  for (const file of [json, text]) {
    process.stdout.write("\n");
    spawnSync(process.execPath, [join(here, "stages.js"), file, nodeName(0)], { stdio: "inherit" });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
