#!/usr/bin/env node
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import picocolors from "picocolors";
import { processIo } from "../compiler/cli/io.ts";
import { loadSpec } from "../compiler/cli/load.ts";
import {
  type BackendArtifact,
  backendNames,
  compileBackend,
  type Diagnostic,
  decide,
  hasErrors,
  irOf,
  languageOf,
  type NodeIr,
  type Spec,
} from "../compiler/index.ts";
import type { Prefix } from "../compiler/net/address.ts";
import { LabError } from "../runtime/lab/agent-client.ts";
import { canUnshareUser, namespaceTrouble } from "../runtime/lab/availability.ts";
import { demoFlows, refusedFlows } from "../runtime/lab/demo/flows.ts";
import { artifactLines, findingLines } from "../runtime/lab/demo/show.ts";
import { type DemoTraffic, showTraffic } from "../runtime/lab/demo/traffic.ts";
import { LabPool } from "../runtime/lab/lab.ts";
import { labTools, toolsOf } from "../runtime/lab/loaders.ts";
import { installCommand, missingTools } from "../runtime/lab/tools.ts";

const usage = `usage: npm run demo -- [--node NAME] [--requests N] [--require-traffic] [FOLDER]

Compiles the specs of FOLDER (default: fixtures/50-online-boutique) for a node and all backends, shows what came out,
then puts them on a node made of network namespaces with weir apply, by nftables, and moves it to iptables with clients running.
Real connections go through both; weir status has the last word.
Ends with 0 when all that was shown is as the spec says, 1 when it is not, 2 when a step failed. A machine that
lets no traffic be shown is told so and is no failure, unless --require-traffic is given.`;

const print = (line = "") => void process.stdout.write(`${line}\n`);
const style = picocolors;

interface Compiled {
  /** The files that it was compiled from. */
  readonly paths: readonly string[];
  readonly spec: Spec;
  readonly ir: NodeIr;
  readonly artifacts: readonly BackendArtifact[];
  readonly diagnostics: readonly Diagnostic[];
}

async function packageFolder(): Promise<string> {
  const here = dirname(fileURLToPath(import.meta.url));
  // dist/bin/demo.js in the package, bin/demo.ts in the source
  return basename(dirname(here)) === "dist" ? dirname(dirname(here)) : dirname(here);
}

async function compileFolder(folder: string, node: string | undefined): Promise<Compiled> {
  const names = (await readdir(folder)).filter((name) => languageOf(name) !== null && name !== "packets.yaml").sort();
  const paths = names.map((name) => join(folder, name));
  const loaded = await loadSpec(paths, null, processIo());
  const { spec } = loaded;
  const resolved = irOf(spec, node ?? spec.nodes[0]?.name ?? "node");
  const artifacts = [];
  for (const backend of backendNames) artifacts.push(await compileBackend(resolved.ir, backend));
  const all = [...loaded.diagnostics, ...resolved.diagnostics, ...artifacts.flatMap((each) => each.diagnostics)];
  return { paths, spec, ir: resolved.ir, artifacts, diagnostics: all };
}

/** Runs a command that shows its own output; returns its exit status. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "inherit", env });
    child.on("error", () => resolve(2));
    child.on("close", (status) => resolve(status ?? 2));
  });
}

/**
 * Gets the tools that are not there: as root through apt-get where there is one, otherwise the user is told the line that does.
 * False when not even a namespace can be made without them; rules whose tools are missing are left out later.
 */
async function ensureTools(): Promise<boolean> {
  const missing = await missingTools([...labTools, ...toolsOf("nftables"), ...toolsOf("iptables-nft")]);
  if (missing.length === 0) return true;
  const [apt = "", ...args] = installCommand(missing);
  const names = missing.map((each) => each.tool).join(", ");
  const hasApt = (await missingTools([{ tool: apt, debianPackage: "apt" }])).length === 0;
  if (process.getuid?.() !== 0 || !hasApt) {
    print(`Missing for traffic: ${names}. On Debian and Ubuntu, as root: ${[apt, ...args].join(" ")}`);
    return !missing.some((tool) => labTools.includes(tool));
  }
  print(`Installing what is missing for traffic (${names}): ${[apt, ...args].join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  if ((await run(apt, ["-qq", "update"], env)) === 0 && (await run(apt, ["-qq", ...args], env)) === 0) return true;
  throw new LabError(`${apt} could not install ${names}`);
}

/** How this process may make network namespaces: by itself, as root of a user namespace, or not at all, and why. */
async function namespaceWay(): Promise<"direct" | "user-namespace" | { readonly trouble: string }> {
  const trouble = await namespaceTrouble();
  if (trouble === null) return "direct";
  return (await canUnshareUser()) ? "user-namespace" : { trouble };
}

function podRangesOf(spec: Spec, ir: NodeIr): readonly Prefix[] {
  return spec.nodes.find((node) => node.name === ir.node.name)?.pods ?? [];
}

function showArtifacts({ spec, ir, artifacts, diagnostics }: Compiled, folder: string): void {
  const endpoints = spec.services.reduce((sum, service) => sum + service.endpoints.length, 0);
  print(style.bold(`${folder}: ${spec.services.length} services, ${endpoints} endpoints, node ${ir.node.name}`));
  for (const line of findingLines(diagnostics)) print(`  ${line}`);
  const [flow] = demoFlows(ir, podRangesOf(spec, ir), 1);
  const outcome = flow === undefined ? null : decide(ir, flow.packet);
  const choices = outcome?.verdict === "endpoints" ? outcome.choices : [];
  const sample = flow && {
    family: flow.packet.source.family,
    vip: flow.packet.destination.text,
    endpoints: choices.map((choice) => choice.address.text),
  };
  for (const artifact of artifacts) {
    print();
    for (const line of artifactLines(artifact, sample ?? null, style)) print(line);
  }
}

/** The exit status, or null when nothing could be loaded here. */
async function traffic(compiled: Compiled, requests: number): Promise<number | null> {
  const { ir, spec, paths } = compiled;
  const podRanges = podRangesOf(spec, ir);
  const flows = demoFlows(ir, podRanges, 6);
  const client = flows[0]?.packet.source;
  const refused = client === undefined ? [] : refusedFlows(ir, client);
  const command = [process.execPath, join(dirname(fileURLToPath(import.meta.url)), "weir.js")];
  const specArgs = [...paths.map((path) => resolve(path)), "--node", ir.node.name];
  const stateFolder = await mkdtemp(join(tmpdir(), "weir-demo-"));
  const pool = await LabPool.open();
  const demo: DemoTraffic = {
    ir,
    podRanges,
    command,
    specArgs,
    stateFolder,
    flows,
    refused,
    requestsPerFlow: requests,
  };
  try {
    const right = await showTraffic(demo, pool, style, print);
    print();
    if (right === null) return 2;
    print(
      right ? style.green("All of them went where the spec says.") : style.red("Not everything was as the spec says."),
    );
    return right ? 0 : 1;
  } finally {
    await pool.close();
    await rm(stateFolder, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      node: { type: "string" },
      requests: { type: "string", default: "100" },
      help: { type: "boolean", default: false },
      "require-traffic": { type: "boolean", default: false },
      // set for the second run of this program inside a user namespace
      inside: { type: "boolean", default: false },
    },
  });
  const requests = Number(values.requests);
  if (values.help || positionals.length > 1 || !Number.isInteger(requests) || requests < 1 || requests > 10_000) {
    print(usage);
    return values.help ? 0 : 64;
  }
  const root = await packageFolder();
  const folder = positionals[0] ?? join(root, "fixtures", "50-online-boutique");
  const compiled = await compileFolder(folder, values.node);
  if (!values.inside) showArtifacts(compiled, basename(folder));
  if (hasErrors(compiled.diagnostics)) return 1;
  print();
  const leftOut = values["require-traffic"] ? 2 : 0;
  if (process.platform !== "linux") {
    print("Traffic is left out: network namespaces need Linux.");
    return leftOut;
  }
  const way = await namespaceWay();
  if (typeof way === "object") {
    print(`Traffic is left out, because this user may make no network namespace here: ${way.trouble}`);
    print(
      "Run it as root, or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone).",
    );
    return leftOut;
  }
  if (!values.inside && !(await ensureTools())) return leftOut;
  if (way === "direct") return (await traffic(compiled, requests)) ?? leftOut;
  print("Going on as root of a user namespace, because this user may make no network namespace directly.");
  const args = [process.argv[1] ?? "", "--inside", ...process.argv.slice(2)];
  return run("unshare", ["--user", "--map-root-user", "--net", "--", process.execPath, ...args]);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof TypeError ? 64 : 2;
}
