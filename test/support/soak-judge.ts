import { decide, type NodeIr } from "../../compiler/index.ts";
import { frontendOf } from "../../compiler/ir/lookup.ts";
import { type LabRow, socketText } from "../../runtime/lab/expectation.ts";
import type { Exchange, LoopReport } from "../../runtime/lab/protocol.ts";

/** What one spec says of one flow, as `10.244.1.5:8080`. */
export interface FlowMeaning {
  /** New connections go to these. */
  readonly chosen: ReadonlySet<string>;
  /** Connections to these go on. */
  readonly drained: ReadonlySet<string>;
}

/** A spec that was in force, or may have been: from the start of its apply until the end of the next one. */
export interface Epoch {
  readonly from: number;
  readonly to: number;
  readonly flows: ReadonlyMap<string, FlowMeaning>;
}

export function meaningOf(ir: NodeIr, flow: LabRow): FlowMeaning {
  const outcome = decide(ir, flow.packet);
  const chosen = outcome.verdict === "endpoints" ? outcome.choices : [];
  const frontend = frontendOf(ir, flow.packet.destination, flow.packet.protocol, flow.packet.port);
  const drained = (frontend?.routes ?? []).flatMap((route) => route.pool.drained);
  const keys = (list: readonly { readonly address: { readonly text: string }; readonly port: number }[]) =>
    new Set(list.map(({ address, port }) => socketText(address.text, port)));
  return { chosen: keys(chosen), drained: keys(drained) };
}

function endpointOf(exchange: Exchange): string | null {
  return exchange.seen.kind === "answered"
    ? socketText(exchange.seen.by.localAddress, exchange.seen.by.localPort)
    : null;
}

export interface Judgement {
  readonly connections: number;
  readonly exchanges: number;
  readonly resent: number;
  /** By the flow's label: how many, and the first of them in words. */
  readonly failures: readonly string[];
}

function describe(exchange: Exchange, label: string, what: string): string {
  const at = `connection ${exchange.connection}, exchange ${exchange.number}`;
  return `${label}: ${at}, ${Math.round(exchange.from)} to ${Math.round(exchange.to)} ms: ${what}`;
}

/** So many of a client's UDP sockets may get the port of one whose flow to a drained endpoint goes on. */
const mostReused = 0.02;

/**
 * Holds one client's exchanges against the specs that were in force meanwhile. A connection must be answered; it starts at an
 * endpoint of one of these specs, and stays there. A UDP flow may move on, and must not stay with an endpoint that has left;
 * to the kernel, which sees ports and no sockets, a new socket with the port of an earlier one is the same flow.
 */
export function judgeLoop(report: LoopReport, flow: LabRow, epochs: readonly Epoch[]): Judgement {
  const failures: string[] = [];
  const fail = (exchange: Exchange, what: string) => failures.push(describe(exchange, flow.label, what));
  const isTcp = report.loop.protocol === "tcp";
  let previous: string | null = null;
  const reused: Exchange[] = [];
  for (const exchange of report.exchanges) {
    if (exchange.number === 0) previous = null;
    const endpoint = endpointOf(exchange);
    if (endpoint === null) {
      fail(exchange, exchange.seen.kind === "error" ? exchange.seen.code : exchange.seen.kind);
      continue;
    }
    if (isTcp && exchange.number > 0) {
      if (endpoint !== previous) fail(exchange, `a connection went from ${previous} to ${endpoint}`);
      continue;
    }
    const meanwhile = epochs.filter((epoch) => epoch.from <= exchange.to && exchange.from <= epoch.to);
    const meanings = meanwhile.flatMap((epoch) => epoch.flows.get(flow.label) ?? []);
    const isChosen = meanings.some(({ chosen }) => chosen.has(endpoint));
    const isDrained = meanings.some(({ drained }) => drained.has(endpoint));
    if (!isChosen && isDrained && !isTcp && exchange.number === 0) reused.push(exchange);
    else if (!isChosen && !(isDrained && endpoint === previous))
      fail(exchange, `answered by ${endpoint}, which no spec in force then has`);
    previous = endpoint;
  }
  const connections = report.exchanges.filter((exchange) => exchange.number === 0).length;
  if (reused.length > 1 + connections * mostReused) {
    for (const exchange of reused) fail(exchange, "a new flow was answered by a drained endpoint");
  }
  const resent = report.exchanges.reduce((sum, exchange) => sum + exchange.resent, 0);
  return { connections, exchanges: report.exchanges.length, resent, failures };
}
