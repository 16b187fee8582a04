import { basename } from "node:path";
import { decide, type NodeIr, type Packet } from "../../../compiler/index.ts";
import type { Prefix } from "../../../compiler/net/address.ts";
import { compareText } from "../../../compiler/net/order.ts";
import { loaderTrouble } from "../availability.ts";
import { complaintAbout, describeSeen, type LabRow, reachedEndpoint, socketText } from "../expectation.ts";
import { Lab, type LabPool } from "../lab.ts";
import { type LoaderName, toolsOf } from "../loaders.ts";
import { isLabProtocol, planLab } from "../plan.ts";
import type { ClientLoop, LoopReport, Seen } from "../protocol.ts";
import { missingTools } from "../tools.ts";
import { expectationOf, worldOf } from "../world.ts";
import { barChart, isPlausible } from "./chart.ts";
import type { DemoFlow } from "./flows.ts";
import type { Style } from "./show.ts";

const answerMs = 5000;
const silenceMs = 700;
const sideBySide = 16;

export interface DemoTraffic {
  readonly ir: NodeIr;
  readonly podRanges: readonly Prefix[];
  /** Program and first arguments that run `weir`. */
  readonly command: readonly string[];
  /** What `weir apply` is given: paths, and the node's name. */
  readonly specArgs: readonly string[];
  /** Its state folder: absolute, and empty. */
  readonly stateFolder: string;
  /** Connections of each are counted. */
  readonly flows: readonly DemoFlow[];
  /** One connection each, which must be refused or swallowed. */
  readonly refused: readonly DemoFlow[];
  readonly requestsPerFlow: number;
}

interface Show {
  readonly style: Style;
  readonly print: (line: string) => void;
}

function rowOf(ir: NodeIr, flow: DemoFlow): LabRow {
  return { label: flow.key, packet: flow.packet, expect: expectationOf(decide(ir, flow.packet)) };
}

async function request(lab: Lab, packet: Packet, count: number): Promise<readonly Seen[]> {
  const all: Seen[] = [];
  while (all.length < count) {
    const some = Math.min(sideBySide, count - all.length);
    all.push(...(await Promise.all(Array.from({ length: some }, () => lab.attempt(packet, answerMs).seen))));
  }
  return all;
}

function masqueradeText(row: LabRow): string {
  if (row.expect.verdict !== "endpoints") return "";
  const masqueraded = row.expect.endpoints.map((endpoint) => endpoint.masquerade);
  if (masqueraded.every((each) => each)) return "endpoints see the node's address";
  return masqueraded.some((each) => each) ? "hairpin masqueraded" : "endpoints see the client's address";
}

/** Lines for one flow, and whether everything was as the spec says. */
function flowLines(
  lab: Lab,
  flow: DemoFlow,
  row: LabRow,
  all: readonly Seen[],
  style: Style,
): { lines: string[]; right: boolean } {
  const complaints = all
    .map((seen) => complaintAbout(row, seen, lab.plan.nodeAddresses))
    .filter((each) => each !== null);
  const endpoints = row.expect.verdict === "endpoints" ? row.expect.endpoints : [];
  const bars = endpoints.map((endpoint) => ({
    label: socketText(endpoint.address.text, endpoint.port),
    expected: endpoint.share,
    count: all.filter((seen) => reachedEndpoint(row.expect, seen) === endpoint).length,
  }));
  const odd = bars.filter((bar) => bar.expected !== null && !isPlausible(bar.count, all.length, bar.expected));
  const { protocol, source, destination, port } = flow.packet;
  const title = `${flow.key}  ${protocol} ${socketText(destination.text, port)}`;
  return {
    right: complaints.length === 0 && odd.length === 0,
    lines: [
      `  ${style.bold(title)}  ${all.length} from ${flow.client} (${source.text}); ${masqueradeText(row)}`,
      ...barChart(bars).map((line) => `    ${line}`),
      ...[...new Set(complaints)].sort(compareText).map((complaint) => `    ${style.red(`wrong: ${complaint}`)}`),
      ...odd.map(
        (bar) =>
          `    ${style.red(`wrong: ${bar.label} should have had ${Math.round((bar.expected ?? 0) * all.length)}`)}`,
      ),
    ],
  };
}

/** Runs `weir` on the node and shows it as in a shell; returns its exit status. */
async function runWeir(lab: Lab, demo: DemoTraffic, show: Show, words: readonly string[]): Promise<number | null> {
  const { style, print } = show;
  print(`  ${style.dim("#")} ${style.bold(["weir", ...words.map((word) => basename(word))].join(" "))}`);
  const argv = [...demo.command, ...words, "--state", demo.stateFolder];
  const { status, stdout, stderr } = await lab.node.tryRun(argv);
  for (const line of `${stderr}${stdout}`.split("\n")) if (line !== "") print(`  ${line}`);
  return status;
}

/** A client with a new connection each time, and one whose connection stays. */
function loopsOf({ packet: { protocol, source, destination, port } }: DemoFlow): readonly ClientLoop[] {
  if (!isLabProtocol(protocol)) return [];
  const common = { protocol, source: source.text, address: destination.text, port, timeoutMs: answerMs };
  return [1, null].map((exchanges) => ({ ...common, exchanges, pauseMs: 20 }));
}

/** Keeps clients busy while something is done; returns what became of them. */
async function withClients(
  lab: Lab,
  flows: readonly DemoFlow[],
  act: () => Promise<void>,
): Promise<readonly LoopReport[]> {
  const agents = new Set(flows.map((flow) => lab.agentOf(flow.packet.source)));
  const started = [...agents].map((agent) => {
    const own = flows.filter((flow) => lab.agentOf(flow.packet.source) === agent);
    return agent.startLoops(own.flatMap(loopsOf));
  });
  await Promise.all(started);
  await act();
  return (await Promise.all([...agents].map((agent) => agent.stopLoops()))).flat();
}

function clientsLine(reports: readonly LoopReport[], style: Style): { readonly line: string; readonly right: boolean } {
  const exchanges = reports.flatMap((report) => report.exchanges);
  const connections = exchanges.filter((exchange) => exchange.number === 0).length;
  const failed = exchanges.filter((exchange) => exchange.seen.kind !== "answered");
  const [first] = failed;
  const result =
    first === undefined
      ? style.green("none failed")
      : style.red(`${failed.length} failed, the first was ${describeSeen(first.seen)}`);
  const counts = `${connections} connections with ${exchanges.length} requests by ${reports.length} clients`;
  return { line: `  meanwhile: ${counts}, ${result}`, right: first === undefined };
}

async function showFlows(lab: Lab, demo: DemoTraffic, { style, print }: Show): Promise<boolean> {
  let right = true;
  for (const flow of demo.flows) {
    const row = rowOf(demo.ir, flow);
    const shown = flowLines(lab, flow, row, await request(lab, flow.packet, demo.requestsPerFlow), style);
    for (const line of shown.lines) print(line);
    right &&= shown.right;
  }
  for (const flow of demo.refused) {
    const row = rowOf(demo.ir, flow);
    const seen = await lab.attempt(flow.packet, row.expect.verdict === "drop" ? silenceMs : answerMs).seen;
    const complaint = complaintAbout(row, seen, lab.plan.nodeAddresses);
    const what = `${socketText(flow.packet.destination.text, flow.packet.port)}, ${flow.key}`;
    print(`  ${what}: ${complaint === null ? style.green(describeSeen(seen)) : style.red(`wrong: ${complaint}`)}`);
    right &&= complaint === null;
  }
  return right;
}

/** Puts the spec on the node by one backend, with clients busy if another is there already, and sends the traffic. */
async function showBackend(
  lab: Lab,
  demo: DemoTraffic,
  show: Show,
  backend: "nftables" | "iptables",
  isMove: boolean,
): Promise<boolean> {
  const { style, print } = show;
  print("");
  print(style.bold(isMove ? `The node moves to ${backend}` : `A node made of network namespaces, by ${backend}`));
  let right = true;
  const apply = async () => {
    right &&= (await runWeir(lab, demo, show, ["apply", ...demo.specArgs, "--backend", backend])) === 0;
  };
  if (isMove) {
    const clients = clientsLine(await withClients(lab, demo.flows, apply), style);
    print(clients.line);
    right &&= clients.right;
  } else await apply();
  if (!right) return false;
  print(style.dim("  ┃ marks the share that the spec promises, █ is what was measured"));
  return showFlows(lab, demo, show);
}

/** The backends that this machine can show, and why not the others. */
async function usableBackends(pool: LabPool) {
  const flavours: Readonly<Record<"nftables" | "iptables", readonly LoaderName[]>> = {
    nftables: ["nftables"],
    iptables: ["iptables-nft", "iptables-legacy"],
  };
  const usable: ("nftables" | "iptables")[] = [];
  const troubles: string[] = [];
  for (const backend of ["nftables", "iptables"] as const) {
    const found: string[] = [];
    for (const loader of flavours[backend]) {
      const missing = await missingTools(toolsOf(loader));
      const absent = missing.length === 0 ? null : `missing ${missing.map((each) => each.tool).join(", ")}`;
      const trouble = absent ?? (await loaderTrouble(pool, loader));
      if (trouble === null) break;
      found.push(`${loader}: ${trouble}`);
    }
    if (found.length < flavours[backend].length) usable.push(backend);
    else troubles.push(...found);
  }
  return { usable, troubles };
}

/**
 * Applies the spec by every backend that this machine has, one after the other on one node, with real connections through
 * each, and ends with what `weir status` says. Returns whether all was right; null when there is no backend.
 */
export async function showTraffic(
  demo: DemoTraffic,
  pool: LabPool,
  style: Style,
  print: (line: string) => void,
): Promise<boolean | null> {
  const show: Show = { style, print };
  const { usable, troubles } = await usableBackends(pool);
  for (const trouble of troubles) print(`left out: ${trouble}`);
  if (usable.length === 0) return null;
  const packets = [...demo.flows, ...demo.refused].map((flow) => flow.packet);
  const lab = await Lab.open(planLab(worldOf(demo.ir, demo.podRanges, packets)), pool);
  try {
    for (const [index, backend] of usable.entries()) {
      if (!(await showBackend(lab, demo, show, backend, index > 0))) return false;
    }
    print("");
    return (await runWeir(lab, demo, show, ["status"])) === 0;
  } finally {
    await lab.close();
  }
}
