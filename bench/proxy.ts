import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { closeChildren, startChild } from "./proxy/child.ts";
import { type Contender, direct, haproxy, socat, startHttpServer } from "./proxy/contenders.ts";
import { descriptorLimit } from "./proxy/processes.ts";
import { printTable } from "./proxy/report.ts";
import { inTurn } from "./proxy/rounds.ts";
import { rowsOf } from "./proxy/rows.ts";
import { soak, soakOptions } from "./proxy/soak.ts";
import { weir } from "./proxy/weir.ts";

/** `npm run bench:proxy`: proxy/README.md tells what it measures, and its options. */
const here = dirname(fileURLToPath(import.meta.url));
const isInside = "WEIR_BENCH_INSIDE";
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gigabytes: { type: "string", default: "10" },
    connections: { type: "string", default: "4000" },
    udp: { type: "string", default: "10000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "1" },
    idle: { type: "string" },
    rate: { type: "string", default: "1000" },
    row: { type: "string", multiple: true },
    node: { type: "string", multiple: true },
    proxy: { type: "string", multiple: true },
  },
});

if (process.env[isInside] === undefined) process.exit(again());
await run();

/** The same in a network namespace of its own, as root of it: ports are free there, and nothing else is heard. */
function again(): number {
  const flags = process.getuid?.() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];
  const args = [...flags, "--", process.execPath, ...process.argv.slice(1)];
  const { status, error } = spawnSync("unshare", args, { stdio: "inherit", env: { ...process.env, [isInside]: "1" } });
  if (error !== undefined) throw error;
  return status ?? 1;
}

async function run(): Promise<void> {
  spawnSync("ip", ["link", "set", "lo", "up"], { stdio: "inherit" });
  // 64 at once leave their ports behind for a minute
  writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", "10000 65535");
  const folder = mkdtempSync(join(tmpdir(), "weir-bench-"));
  try {
    const servers = await startChild([process.execPath, join(here, "proxy/servers.js")]);
    await servers.line();
    if (positionals[0] === "soak") await runSoak(folder);
    else await compare(folder);
  } finally {
    await closeChildren();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(folder: string): Promise<void> {
  await startHttpServer(folder);
  // a proxy has two descriptors for each connection
  const most = Math.floor((descriptorLimit() - 300) / 2);
  const sizes = {
    seconds: Number(values.seconds),
    rate: Number(values.rate),
    idle: Math.min(Number(values.idle ?? 10_000), most),
  };
  const isWanted = (name: string): boolean => values.proxy?.includes(name) !== false;
  const contenders = [direct];
  if (isWanted("haproxy")) contenders.push(await haproxy(folder, most));
  if (isWanted("socat")) contenders.push(await socat());
  if (isWanted("weir")) contenders.push(await weir(folder, values.node ?? [], ["--max-connections", String(most)]));
  for (const row of rowsOf(sizes)) {
    if (values.row?.includes(row.name) === false) continue;
    const able = contenders.filter(({ ports }) => ports[row.role] !== undefined);
    const byName = new Map<string, Contender>(able.map((each) => [each.name, each]));
    const results = await inTurn([...byName.keys()], row.isSteady ? 1 : Number(values.rounds), (name) =>
      row.measure(byName.get(name) ?? direct),
    );
    printTable(row.title, row.columns, results, row.compared);
  }
}

async function runSoak(folder: string): Promise<void> {
  const [connections, udp] = [Number(values.connections), Number(values.udp)];
  const most = String(connections * 2 + udp + 1000);
  const isGood = await soak(await weir(folder, values.node ?? [], [...soakOptions, "--max-connections", most]), {
    gigabytes: Number(values.gigabytes),
    connections,
    slow: Math.ceil(connections / 20),
    udp,
  });
  if (!isGood) process.exitCode = 1;
}
