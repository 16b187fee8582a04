import { endingWords, outcomeWords, packetWords } from "../backends/outcome-words.ts";
import type { OtherKind } from "../backends/simulation.ts";
import { formatSocket } from "../net/socket.ts";
import type { Difference } from "./difference.ts";

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
  const { backend, packet, remembered, client, isGone, secondsLater } = difference;
  const { expected, got, broken, other, complaint } = difference;
  const who = client === null ? "client" : `after ${client.text}, a client`;
  const gone = isGone ? ", which has gone since" : "";
  const had = remembered === null ? "" : `, ${who} of ${formatSocket(remembered.address, remembered.port)}${gone}`;
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
  const { packet, remembered, client, isGone, secondsLater, expected, got, broken, other, complaint } = difference;
  return {
    packet: {
      protocol: packet.protocol,
      source: packet.source.text,
      destination: packet.destination.text,
      port: packet.port,
      inputInterface: packet.inputInterface,
    },
    remembered:
      remembered === null
        ? null
        : {
            address: remembered.address.text,
            port: remembered.port,
            client: (client ?? packet.source).text,
            gone: isGone,
          },
    secondsLater,
    other,
    expected: outcomeWords(expected),
    got: endingWords(got),
    complaint,
    broken,
    path: got[0]?.path.slice(0, mostSteps) ?? [],
  };
}
