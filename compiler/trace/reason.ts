import { packetWords } from "../backends/outcome-words.ts";
import type { Outcome, Packet } from "../backends/packet.ts";
import { visible } from "../diagnostics/visible.ts";
import { sourceClassOf } from "../ir/decide.ts";
import type { IrFrontend, NodeIr, SourceClass } from "../ir/ir.ts";
import { prefixContains } from "../net/address.ts";
import { formatPlace } from "../source.ts";

const classWords: Readonly<Record<SourceClass, string>> = {
  pod: "from a pod",
  node: "from the node itself",
  outside: "from outside",
};

/** `tcp 10.244.2.9 -> 10.96.0.10:80 on worker-1, from a pod`. */
export function packetSentence(ir: NodeIr, packet: Packet): string {
  return visible(`${packetWords(packet)} on ${ir.node.name}, ${classWords[sourceClassOf(ir, packet)]}`);
}

/** What the spec means for the packet, and why, in one sentence. */
export function verdictSentence(ir: NodeIr, packet: Packet, frontend: IrFrontend | null, outcome: Outcome): string {
  if (frontend === null) return visible(unservedSentence(ir, packet, outcome));
  const name = `${frontend.key} (${formatPlace(frontend.origin)})`;
  switch (outcome.verdict) {
    case "endpoints":
      return visible(`reaches ${name}; ${clientWords(outcome.choices)}`);
    case "drop":
      return visible(`is dropped: ${name} ${dropReason(frontend, packet)}`);
    case "reject":
      return visible(`is rejected: ${name} has no usable endpoint`);
    case "pass":
      return passSentence;
  }
}

const passSentence = "is for no service: weir leaves it alone";

function unservedSentence(ir: NodeIr, { destination, port, protocol }: Packet, { verdict }: Outcome): string {
  if (verdict === "reject") {
    return `is rejected: ${destination.text} is a VIP, and no service has port ${port}/${protocol} there`;
  }
  if (verdict !== "drop") return passSentence;
  const range = ir.serviceRanges[destination.family].find((each) => prefixContains(each, destination));
  return `is dropped: no service has ${destination.text}, which is in the service range ${range?.text ?? ""}`;
}

/** As many source ranges as a line holds. */
const mostRanges = 4;

function dropReason({ sourceRanges }: IrFrontend, { source }: Packet): string {
  if (sourceRanges !== null && !sourceRanges.some((range) => prefixContains(range, source))) {
    const shown = sourceRanges.slice(0, mostRanges).map(({ text }) => text);
    const more = sourceRanges.length > mostRanges ? ` and ${sourceRanges.length - mostRanges} more` : "";
    const allowed = shown.length === 0 ? "no source" : `${shown.join(", ")}${more} only`;
    return `admits ${allowed}, and ${source.text} is not among them`;
  }
  return "has usable endpoints, but none on this node, and its traffic policy is local";
}

function clientWords(choices: readonly { readonly masquerade: boolean }[]): string {
  const masqueraded = choices.filter(({ masquerade }) => masquerade).length;
  if (masqueraded === 0) return "the client's address is kept";
  if (masqueraded === choices.length) return "the node's address replaces the client's (masquerade)";
  return "the client's address is kept, but where it is sent back to itself (hairpin)";
}
