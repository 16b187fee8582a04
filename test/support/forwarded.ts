import type { NodeIr } from "../../compiler/index.ts";
import { frontendOf } from "../../compiler/ir/lookup.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { describeSeen, type LabRow, socketText } from "../../runtime/lab/expectation.ts";
import type { Lab } from "../../runtime/lab/lab.ts";

/**
 * Rows that IPVS forwards without translating them. Whom it chose is told by its own counters: with direct routing the
 * packet arrives with the address that the client asked for, and into a tunnel nobody in the lab looks.
 */
export function isForwarded(ir: NodeIr, { packet, expect }: LabRow): boolean {
  if (expect.verdict !== "endpoints") return false;
  const frontend = frontendOf(ir, packet.destination, packet.protocol, packet.port);
  return frontend !== null && frontend.forwarding.method !== "nat";
}

/** Connections by virtual server and real server, as `ipvsadm` counts them. */
async function connectionCounts(node: Agent): Promise<ReadonlyMap<string, number>> {
  const listing = await node.run(["ipvsadm", "-Ln", "--stats", "--exact"]);
  const counts = new Map<string, number>();
  let server = "";
  for (const line of listing.split("\n")) {
    const [first = "", second = "", third = ""] = line.trim().split(/\s+/);
    if (first === "->") counts.set(`${server} ${second}`, Number(third));
    else server = `${first} ${second}`;
  }
  return counts;
}

/** The kernel sums its counters every two seconds (ip_vs_est.c); an emulated one takes its time. */
const countMs = 20_000;
const pauseMs = 300;

/** The real servers whose count has risen, waited for. */
async function countedSince(node: Agent, before: ReadonlyMap<string, number>): Promise<readonly string[]> {
  for (const end = performance.now() + countMs; ; await new Promise((resolve) => setTimeout(resolve, pauseMs))) {
    const after = await connectionCounts(node);
    const risen = [...after].flatMap(([key, count]) => (count > (before.get(key) ?? 0) ? [key] : []));
    if (risen.length > 0 || performance.now() > end) return risen;
  }
}

/** One connection; what is wrong with where it went. */
export async function tryForwarded(lab: Lab, ir: NodeIr, row: LabRow, timeoutMs: number): Promise<readonly string[]> {
  const { packet, expect } = row;
  const frontend = frontendOf(ir, packet.destination, packet.protocol, packet.port);
  if (expect.verdict !== "endpoints" || frontend === null) return [];
  const before = await connectionCounts(lab.node);
  const pending = lab.attempt(packet, timeoutMs);
  const seen = await pending.seen;
  const chosen = await countedSince(lab.node, before);
  const wanted = expect.endpoints.map(({ address, port }) => socketText(address.text, port));
  const wrong: string[] = [];
  if (chosen.length !== 1 || !wanted.some((each) => chosen[0]?.endsWith(` ${each}`))) {
    wrong.push(`IPVS counted a connection to ${chosen.join(" and ") || "nobody"}, expected ${wanted.join(" or ")}`);
  }
  if (frontend.forwarding.method === "direct") {
    const isUntouched =
      seen.kind === "answered" &&
      seen.by.localAddress === packet.destination.text &&
      seen.by.remoteAddress === packet.source.text;
    if (!isUntouched)
      wrong.push(`${describeSeen(seen)}, expected an answer of ${packet.destination.text} to the client`);
  }
  return wrong.map((each) => `${row.label}: ${each}`);
}
