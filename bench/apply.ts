import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { iptablesBackend } from "../compiler/backends/iptables/backend.ts";
import { deltaIptables } from "../compiler/backends/iptables/delta.ts";
import { nftablesBackend } from "../compiler/backends/nftables/backend.ts";
import { deltaNftables } from "../compiler/backends/nftables/delta.ts";
import type { Step } from "../compiler/backends/step.ts";
import { generateWeir, nodeName } from "./generate.ts";
import { measure } from "./measure.ts";
import { openNamespace } from "./namespace.ts";

/**
 * `npm run bench:apply`: what it costs to put a large artifact on a node and to change one endpoint of it, as processor
 * time of weir and of the kernel's tools apart, beside the same tools alone with the same rules.
 * Usage, as root: node dist/bench/apply.js [ipvs] [SERVICES...]; with `ipvs`, on a machine that has it, IPVS alone.
 */
const isIpvs = process.argv[2] === "ipvs";
const sizes = process.argv.slice(isIpvs ? 3 : 2).map(Number);
const endpoints = 8;
const node = nodeName(0);
const here = dirname(fileURLToPath(import.meta.url));
const weir = join(here, "../bin/weir.js");
const folder = mkdtempSync(join(tmpdir(), "weir-bench-"));

interface Way {
  readonly name: string;
  readonly backend: "nftables" | "iptables" | "ipvs";
  /** Options of `weir apply`. */
  readonly options: readonly string[];
  /** The tool that loads a whole file of the artifact on an empty node. */
  readonly tool: readonly string[];
  readonly file: string;
}

const ipvs: Way = {
  name: "ipvs",
  backend: "ipvs",
  options: [],
  tool: ["ipvsadm", "--restore"],
  file: "ipvs/ipvsadm.rules",
};

const natively: readonly Way[] = [
  { name: "nftables", backend: "nftables", options: [], tool: ["nft", "-f", "-"], file: "nftables/ruleset.nft" },
  ...(["legacy", "nft"] as const).map((flavour) => ({
    name: `iptables, ${flavour}`,
    backend: "iptables" as const,
    options: ["--iptables", flavour],
    tool: [`iptables-${flavour}-restore`, "--noflush"],
    file: "iptables/ipv4.rules",
  })),
];

/** Compiles a spec and gives the node's folder. */
async function compile(name: string, text: string): Promise<string> {
  const file = join(folder, `${name}.weir`);
  const out = join(folder, name);
  writeFileSync(file, text);
  const args = [weir, "compile", file, "--node", node, "--backend", "nftables,iptables,ipvs", "--quiet", "-o", out];
  const { exitCode } = await measure(process.execPath, args);
  if (exitCode !== 0) throw new Error(`weir compile of ${name} ended with ${exitCode}`);
  return join(out, node);
}

/** The spec with another address for one endpoint in its middle. */
function withChangedEndpoint(text: string): string {
  const at = text.indexOf("endpoint ", Math.floor(text.length / 2)) + "endpoint ".length;
  const end = text.indexOf(" ", at);
  const parts = text.slice(at, end).split(".");
  const last = (Number(parts.pop()) + 77) % 250;
  return `${text.slice(0, at)}${[...parts, last + 1].join(".")}${text.slice(end)}`;
}

function filesOf(artifact: string, backend: string): ReadonlyMap<string, string> {
  const names = readdirSync(join(artifact, backend));
  return new Map(names.map((name) => [`${backend}/${name}`, readFileSync(join(artifact, backend, name), "utf8")]));
}

/** What the tool alone is given for the change: the first step of the delta, or the lines of ipvsadm that differ. */
function changeBetween({ backend, file }: Way, before: string, after: string): string {
  const files = [filesOf(before, backend), filesOf(after, backend)] as const;
  if (backend === "ipvs") {
    const [old, fresh] = files.map((each) => (each.get(file) ?? "").split("\n"));
    const gone = (old ?? []).filter((line) => !fresh?.includes(line)).map((line) => line.replace(/^-a/, "-d"));
    const come = (fresh ?? []).filter((line) => !old?.includes(line));
    return [...gone.map((line) => line.replace(/ -m .*$/, "")), ...come, ""].join("\n");
  }
  const steps: readonly Step[] =
    backend === "nftables"
      ? deltaNftables(nftablesBackend.parse(files[0]), nftablesBackend.parse(files[1]))
      : deltaIptables(iptablesBackend.parse(files[0]), iptablesBackend.parse(files[1]));
  const [first] = steps;
  return first !== undefined && "input" in first ? first.input.join("") : "";
}

interface Costs {
  readonly own: number;
  readonly tools: number;
}

async function apply(way: Way, enter: readonly string[], artifact: string, state: string): Promise<Costs> {
  const costs = join(folder, "costs.json");
  const [program = "", ...rest] = enter;
  const args = [
    ...rest,
    "env",
    `WEIR_BENCH_COSTS=${costs}`,
    `XTABLES_LOCKFILE=${join(folder, "xtables.lock")}`,
    process.execPath,
    "--import",
    join(here, "costs.js"),
    weir,
    "apply",
    artifact,
    ...["--backend", way.backend, "--state", state, "--quiet", ...way.options],
  ];
  const { exitCode } = await measure(program, args);
  if (exitCode !== 0) throw new Error(`weir apply (${way.name}) ended with ${exitCode}`);
  const read: unknown = JSON.parse(readFileSync(costs, "utf8"));
  if (typeof read !== "object" || read === null || !("own" in read) || !("tools" in read)) throw new Error(costs);
  return { own: Number(read.own), tools: Number(read.tools) };
}

async function toolAlone(way: Way, enter: readonly string[], input: string): Promise<number> {
  const [program = "", ...rest] = enter;
  const lock = `XTABLES_LOCKFILE=${join(folder, "tool.lock")}`;
  const { seconds, exitCode } = await measure(program, [...rest, "env", lock, ...way.tool], input);
  if (exitCode !== 0) throw new Error(`${way.tool.join(" ")} ended with ${exitCode}`);
  return seconds;
}

function row(what: string, { own, tools }: Costs, alone: number): void {
  const cell = (value: number): string => `${value.toFixed(2)} s`.padStart(9);
  const ratio = alone === 0 ? "" : `${(tools / alone).toFixed(1)} x`.padStart(7);
  process.stdout.write(`  ${what.padEnd(32)} ${cell(own)} ${cell(tools)} ${cell(alone)} ${ratio}\n`);
}

async function compare(way: Way, before: string, after: string, size: number): Promise<void> {
  const [ours, theirs] = [await openNamespace(), await openNamespace()];
  const state = join(folder, `state-${way.name.replace(", ", "-")}-${size}`);
  mkdirSync(state);
  try {
    process.stdout.write(`${way.name}\n`);
    row(
      "from nothing",
      await apply(way, ours.enter, before, state),
      await toolAlone(way, theirs.enter, join(before, way.file)),
    );
    const input = join(folder, "delta");
    writeFileSync(input, changeBetween(way, before, after));
    row("one changed endpoint", await apply(way, ours.enter, after, state), await toolAlone(way, theirs.enter, input));
    row("nothing changed", await apply(way, ours.enter, after, state), 0);
  } finally {
    ours.close();
    theirs.close();
  }
}

try {
  for (const services of sizes.length === 0 ? [5_000, 20_000] : sizes) {
    const text = generateWeir({ services, endpoints });
    const before = await compile(`before-${services}`, text);
    const after = await compile(`after-${services}`, withChangedEndpoint(text));
    process.stdout.write(`${services} services x ${endpoints} endpoints, processor time\n`);
    process.stdout.write(
      `  ${"".padEnd(32)} ${"weir".padStart(9)} ${"its tools".padStart(9)} ${"tool alone".padStart(9)}\n`,
    );
    for (const way of isIpvs ? [ipvs] : natively) await compare(way, before, after, services);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
