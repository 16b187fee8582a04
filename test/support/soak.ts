import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { irOf, type NodeIr } from "../../compiler/index.ts";
import type { Spec } from "../../compiler/spec/schema.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import type { LabRow } from "../../runtime/lab/expectation.ts";
import { Lab } from "../../runtime/lab/lab.ts";
import { isLabProtocol, planLab } from "../../runtime/lab/plan.ts";
import type { ClientLoop, LoopReport } from "../../runtime/lab/protocol.ts";
import { worldOf } from "../../runtime/lab/world.ts";
import type { TestPool } from "./lab.ts";
import { readText } from "./random-specs.ts";
import { type Epoch, judgeLoop, meaningOf } from "./soak-judge.ts";
import { randomNumbers, soakFlows, soakText, soakUniverse } from "./soak-spec.ts";
import { complaintAboutEnd, openWeirNode, type Way, type WeirNode } from "./weir-node.ts";

const nodeName = "worker-1";

/** How hard a soak is; a virtual machine stands less. */
export interface SoakPace {
  readonly pauseMs: number;
  /** Between two exchanges of long connections. */
  readonly longPauseMs: number;
  readonly timeoutMs: number;
  /** Without applies before the first and after the last, and between moves. */
  readonly restMs: number;
}

export interface SoakOptions {
  readonly seed: number;
  /** The ways to apply, in turn; each time with `applies` changed specs. */
  readonly moves: readonly { readonly way: Way; readonly applies: number }[];
  readonly pace: SoakPace;
  /** Told after every apply. */
  readonly progress?: (text: string) => void;
}

export interface SoakReport {
  readonly applies: number;
  readonly connections: number;
  readonly exchanges: number;
  /** Connections that were open from the first apply to the last. */
  readonly lasting: number;
  readonly resentDatagrams: number;
  /** SYN packets that the clients' kernels had to send again. */
  readonly resentSyns: number;
  readonly failures: readonly string[];
  /** Of each apply, in milliseconds. */
  readonly durations: readonly number[];
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function compiled(text: string): Promise<{ readonly spec: Spec; readonly ir: NodeIr }> {
  const spec = await readText(text);
  return { spec, ir: irOf(spec, nodeName).ir };
}

/** For each flow short connections, and one that lasts until the end; a UDP flow has a short and a long socket too. */
function loopsOf(flow: LabRow, pace: SoakPace): readonly ClientLoop[] {
  const { protocol, source, destination, port } = flow.packet;
  if (!isLabProtocol(protocol)) return [];
  const common = {
    protocol,
    source: source.text,
    address: destination.text,
    port,
    timeoutMs: pace.timeoutMs,
  };
  return [
    { ...common, exchanges: 2, pauseMs: pace.pauseMs },
    { ...common, exchanges: 40, pauseMs: pace.longPauseMs },
    { ...common, exchanges: null, pauseMs: pace.longPauseMs },
  ];
}

async function synRetransmissions(agents: readonly Agent[]): Promise<number> {
  const counts = agents.map(async (agent) => {
    const text = await agent.run(["cat", "/proc/net/netstat"]);
    const lines = text.split("\n").filter((line) => line.startsWith("TcpExt:"));
    const column = (lines[0] ?? "").split(" ").indexOf("TCPSynRetrans");
    return Number((lines[1] ?? "").split(" ")[column] ?? 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

interface Clients {
  stop(): Promise<readonly { readonly flow: LabRow; readonly report: LoopReport }[]>;
}

async function startClients(lab: Lab, pace: SoakPace): Promise<Clients> {
  const byAgent = new Map<Agent, { readonly flow: LabRow; readonly loop: ClientLoop }[]>();
  for (const flow of soakFlows) {
    const agent = lab.agentOf(flow.packet.source);
    const loops = loopsOf(flow, pace).map((loop) => ({ flow, loop }));
    byAgent.set(agent, [...(byAgent.get(agent) ?? []), ...loops]);
  }
  await Promise.all([...byAgent].map(([agent, loops]) => agent.startLoops(loops.map(({ loop }) => loop))));
  return {
    stop: async () => {
      const stopped = [...byAgent].map(async ([agent, loops]) => {
        const reports = await agent.stopLoops();
        return reports.flatMap((report, index) => {
          const flow = loops[index]?.flow;
          return flow === undefined ? [] : [{ flow, report }];
        });
      });
      return (await Promise.all(stopped)).flat();
    },
  };
}

/** Puts specs on the node one after the other, and keeps when each was in force. */
class Applier {
  readonly epochs: Epoch[] = [];
  readonly durations: number[] = [];
  readonly failures: string[] = [];
  readonly #node: WeirNode;
  readonly #file: string;
  readonly #random: () => number;
  readonly #progress: (text: string) => void;
  #text = "";

  constructor(node: WeirNode, file: string, seed: number, progress: (text: string) => void) {
    this.#node = node;
    this.#file = file;
    this.#random = randomNumbers(seed);
    this.#progress = progress;
  }

  async apply(way: Way, isChanged: boolean): Promise<void> {
    if (isChanged || this.#text === "") this.#text = soakText(this.#random);
    await writeFile(this.#file, this.#text);
    const { ir } = await compiled(this.#text);
    const flows = new Map(soakFlows.map((flow) => [flow.label, meaningOf(ir, flow)]));
    const ended = await this.#node.weir("apply", this.#file, "--node", nodeName, ...way.args);
    const wrong = complaintAboutEnd(`weir apply (${way.name})`, ended);
    if (wrong !== null) this.failures.push(wrong);
    const last = this.epochs.pop();
    if (last !== undefined) this.epochs.push({ ...last, to: ended.to });
    this.epochs.push({ from: ended.from, to: Number.POSITIVE_INFINITY, flows });
    this.durations.push(ended.to - ended.from);
    this.#progress(`apply ${this.durations.length} by ${way.name} took ${Math.round(ended.to - ended.from)} ms`);
  }
}

/**
 * Clients connect all the time while specs with other endpoints are applied, and while the node moves from one way to
 * the next. Nothing that a client does may fail.
 */
export async function soak(test: TestPool, options: SoakOptions): Promise<SoakReport> {
  const { pace, moves, seed, progress = () => {} } = options;
  const folder = await mkdtemp(join(tmpdir(), "weir-soak-"));
  const universe = await compiled(soakUniverse);
  const podRanges = universe.spec.nodes.find((each) => each.name === nodeName)?.pods ?? [];
  const packets = soakFlows.map((flow) => flow.packet);
  const node = await openWeirNode(test);
  const lab = await Lab.open(planLab(worldOf(universe.ir, podRanges, packets)), test.pool, node.agent);
  try {
    const applier = new Applier(node, join(folder, "soak.weir"), seed, progress);
    const [first] = moves;
    if (first !== undefined) await applier.apply(first.way, true);
    const synsBefore = await synRetransmissions([lab.node, ...lab.hosts]);
    const clients = await startClients(lab, pace);
    for (const { way, applies } of moves) {
      await delay(pace.restMs);
      await applier.apply(way, false);
      await delay(pace.restMs);
      for (let count = 0; count < applies && applier.failures.length === 0; count++) await applier.apply(way, true);
    }
    await delay(pace.restMs);
    const finished = now();
    const reports = await clients.stop();
    const resentSyns = (await synRetransmissions([lab.node, ...lab.hosts])) - synsBefore;
    const judged = reports.map(({ flow, report }) => judgeLoop(report, flow, applier.epochs));
    const start = applier.epochs[0]?.to ?? finished;
    const lasting = reports.filter(({ report }) => {
      const [opened] = report.exchanges;
      return report.loop.exchanges === null && opened !== undefined && opened.from < start;
    });
    return {
      applies: applier.durations.length,
      connections: judged.reduce((sum, each) => sum + each.connections, 0),
      exchanges: judged.reduce((sum, each) => sum + each.exchanges, 0),
      lasting: lasting.length,
      resentDatagrams: judged.reduce((sum, each) => sum + each.resent, 0),
      resentSyns,
      failures: [...applier.failures, ...judged.flatMap((each) => each.failures)],
      durations: applier.durations,
    };
  } finally {
    await lab.close();
    await node.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** One line of figures. */
export function describeSoak(report: SoakReport): string {
  const sorted = [...report.durations].sort((a, b) => a - b);
  const median = Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
  const slowest = Math.round(sorted.at(-1) ?? 0);
  return [
    `${report.applies} applies (median ${median} ms, slowest ${slowest} ms)`,
    `${report.connections} connections with ${report.exchanges} exchanges`,
    `${report.lasting} connections all the time`,
    `${report.resentDatagrams} datagrams and ${report.resentSyns} SYNs sent again`,
    `${report.failures.length} failures`,
  ].join(", ");
}
