import { type BackendArtifact, decide, type NodeIr, type Packet, textOf } from "../../../compiler/index.ts";
import type { Prefix } from "../../../compiler/net/address.ts";
import { compareText } from "../../../compiler/net/order.ts";
import { loaderTrouble } from "../availability.ts";
import { complaintAbout, describeSeen, type LabRow, reachedEndpoint, socketText } from "../expectation.ts";
import { Lab, type LabPool } from "../lab.ts";
import { failureOf, type LoaderName, loadSteps, toolsOf } from "../loaders.ts";
import { planLab } from "../plan.ts";
import type { Seen } from "../protocol.ts";
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
  readonly artifacts: readonly BackendArtifact[];
  /** Connections of each are counted. */
  readonly flows: readonly DemoFlow[];
  /** One connection each, which must be refused or swallowed. */
  readonly refused: readonly DemoFlow[];
  readonly requestsPerFlow: number;
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

/** Loads one artifact into a node of its own, sends the traffic and prints what came of it. Returns whether all was right. */
async function showLoader(
  demo: DemoTraffic,
  loader: LoaderName,
  pool: LabPool,
  style: Style,
  print: (line: string) => void,
): Promise<boolean> {
  const files = new Map(demo.artifacts.flatMap((artifact) => artifact.files.map((file) => [file.path, textOf(file)])));
  const packets = [...demo.flows, ...demo.refused].map((flow) => flow.packet);
  const lab = await Lab.open(planLab(worldOf(demo.ir, demo.podRanges, packets)), pool);
  try {
    for (const { argv, file } of loadSteps(loader, files.keys())) {
      const failure = failureOf(await lab.node.tryRun(argv, files.get(file)));
      print(`  ${argv.join(" ")} < ${file}: ${failure === null ? style.green("loaded") : style.red(failure)}`);
      if (failure !== null) return false;
    }
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
  } finally {
    await lab.close();
  }
}

/** Shows every way of loading that this machine has; null when it has none. */
export async function showTraffic(
  demo: DemoTraffic,
  pool: LabPool,
  style: Style,
  print: (line: string) => void,
): Promise<boolean | null> {
  const flavours: readonly (readonly LoaderName[])[] = [["nftables"], ["iptables-nft", "iptables-legacy"]];
  let result: boolean | null = null;
  for (const flavour of flavours) {
    const troubles: string[] = [];
    for (const loader of flavour) {
      const missing = await missingTools(toolsOf(loader));
      const absent = missing.length === 0 ? null : `${loader}: missing ${missing.map((each) => each.tool).join(", ")}`;
      const trouble = absent ?? (await loaderTrouble(pool, loader));
      if (trouble !== null) {
        troubles.push(trouble);
        continue;
      }
      print("");
      print(style.bold(`${loader}: real connections through a node made of network namespaces`));
      print(style.dim("  ┃ marks the share that the spec promises, █ is what was measured"));
      const right = await showLoader(demo, loader, pool, style, print);
      result = (result ?? true) && right;
      break;
    }
    if (troubles.length === flavour.length) for (const trouble of troubles) print(`left out: ${trouble}`);
  }
  return result;
}
