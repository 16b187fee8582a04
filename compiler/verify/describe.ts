import type { Choice, Outcome, Packet } from "../backends/packet.ts";
import type { Ending, OtherKind } from "../backends/simulation.ts";
import type { Fraction } from "../net/fraction.ts";
import { formatSocket } from "../net/socket.ts";
import type { Difference } from "./verify.ts";

/** A packet as `weir trace` takes it, and the interface where it matters. */
export function packetWords({ protocol, source, destination, port, inputInterface }: Packet): string {
  const via = inputInterface === null ? "" : ` via ${inputInterface}`;
  return `${protocol} ${source.text} -> ${formatSocket(destination, port)}${via}`;
}

/** An outcome as words, one for each place: `10.244.1.5:8080 1/2 masqueraded`, or `drop`. */
export function outcomeWords(outcome: Outcome): readonly string[] {
  if (outcome.verdict !== "endpoints") return [outcome.verdict];
  return outcome.choices.map(({ address, port, share, masquerade }) => placeWords(address, port, share, masquerade));
}

/** What a simulator found, in the same words. */
export function endingWords(endings: readonly Ending[]): readonly string[] {
  return endings.map(({ end, share }) =>
    end.kind === "translated"
      ? placeWords(end.address, end.port, share, end.masquerade)
      : `${end.kind}${share === null || share.denominator === 1n ? "" : ` ${shareWords(share)}`}`,
  );
}

function placeWords(address: Choice["address"], port: number, share: Fraction | null, masquerade: boolean): string {
  return `${formatSocket(address, port)} ${share === null ? "?" : shareWords(share)}${masquerade ? " masqueraded" : ""}`;
}

/** A short fraction as it is, a long one as a decimal number. */
function shareWords({ numerator, denominator }: Fraction): string {
  if (denominator === 1n) return `${numerator}`;
  if (denominator <= 100_000n) return `${numerator}/${denominator}`;
  return (Number(numerator) / Number(denominator)).toPrecision(12);
}

const otherWords: Readonly<Record<OtherKind, string>> = {
  later: "a later packet of a connection",
  reply: "a reply that goes there",
  translated: "a later packet of a connection that others translate",
  "icmp-error": "an ICMP error about a connection to it",
  icmp: "an ICMP packet to it",
};

/** A path is cut here; the first rules tell most. */
const mostSteps = 40;

/** A difference for people: packet, what the spec says, what the rules do, and by which rules. */
export function describeDifference(difference: Difference): string {
  const { backend, packet, remembered, secondsLater, expected, got, broken, other, complaint } = difference;
  const had = remembered === null ? "" : `, client of ${formatSocket(remembered.address, remembered.port)}`;
  const ago = secondsLater === 0 ? "" : ` ${secondsLater} seconds ago`;
  const found = broken ?? endingWords(got).join(", ");
  const lines = [
    `${backend}: ${packetWords(packet)}${had}${ago}${other === null ? "" : `, ${otherWords[other]}`}`,
    `  expected: ${outcomeWords(expected).join(", ")}`,
    `  got:      ${complaint === null ? found : `${found}; ${complaint}`}`,
  ];
  const [way] = got;
  if (way === undefined) return lines.join("\n");
  lines.push("  by:");
  for (const { place, rule } of way.path.slice(0, mostSteps)) lines.push(`    ${place}: ${rule}`);
  if (way.path.length > mostSteps) lines.push(`    and ${way.path.length - mostSteps} more rules`);
  if (way.path.length === 0) lines.push("    no rule");
  return lines.join("\n");
}

/** A difference as `weir verify --json` gives it. */
export function jsonDifference(difference: Difference): unknown {
  const { packet, remembered, secondsLater, expected, got, broken, other, complaint } = difference;
  return {
    packet: {
      protocol: packet.protocol,
      source: packet.source.text,
      destination: packet.destination.text,
      port: packet.port,
      inputInterface: packet.inputInterface,
    },
    remembered: remembered === null ? null : { address: remembered.address.text, port: remembered.port },
    secondsLater,
    other,
    expected: outcomeWords(expected),
    got: endingWords(got),
    complaint,
    broken,
    path: got[0]?.path.slice(0, mostSteps) ?? [],
  };
}
