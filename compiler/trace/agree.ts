import { contradiction, contradictionAgain } from "../backends/agreement.ts";
import type { BackendName } from "../backends/backend.ts";
import { endingWords, outcomeWords } from "../backends/outcome-words.ts";
import type { Outcome, Packet } from "../backends/packet.ts";
import { endingsOf } from "../backends/simulation.ts";
import type { Way } from "../backends/simulator.ts";
import type { NodeIr } from "../ir/ir.ts";
import { formatSocket } from "../net/socket.ts";
import { roundedTo, type Trace } from "./trace.ts";

/** Where the rules do not do what the spec means, in words; null where they do. `isAgain`: the client has come before. */
export function disagreement(
  ir: NodeIr,
  backend: BackendName,
  packet: Packet,
  ways: readonly Way[],
  isAgain: boolean,
): string | null {
  const meant = (isAgain ? contradictionAgain : contradiction)(backend, ir, packet, ways);
  if (meant === null) return null;
  const does = endingWords(endingsOf(ways)).join(", ");
  return `${backend} does ${does} where the spec means ${outcomeWords(meant).join(", ")}`;
}

/** The trace with shares as they are meant. */
export function withMeantShares(trace: Trace, decided: Outcome): Trace {
  if (decided.verdict !== "endpoints") return trace;
  const meant = new Map(decided.choices.map((each) => [formatSocket(each.address, each.port), each.share]));
  const endpoints = trace.endpoints.map((endpoint) => ({
    ...endpoint,
    share: roundedTo(endpoint.share, meant.get(formatSocket(endpoint.address, endpoint.port)) ?? null),
  }));
  return { ...trace, endpoints };
}
