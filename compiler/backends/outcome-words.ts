import type { Fraction } from "../net/fraction.ts";
import { formatSocket } from "../net/socket.ts";
import type { Choice, Outcome, Packet } from "./packet.ts";
import type { Ending } from "./simulation.ts";

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
