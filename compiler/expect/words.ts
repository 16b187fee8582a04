import type { End, Ending } from "../backends/simulation.ts";
import { compareAddresses } from "../net/address.ts";
import { compareNumbers, compareText } from "../net/order.ts";
import { formatSocket } from "../net/socket.ts";
import type { ExpectedOutcome, ExpectSpec } from "../spec/schema.ts";
import { formatShare } from "./share.ts";

type Target = (ExpectedOutcome & { kind: "reaches" })["targets"][number];

export function formatTarget({ service, endpoint }: Target): string {
  return service ?? endpoint?.text ?? "";
}

/** `tcp 10.244.9.9 -> 10.96.0.10:80`. */
export function formatExpectedPacket({ protocol, source, destination, port }: ExpectSpec): string {
  return `${protocol} ${source.text} -> ${formatSocket(destination, port)}`;
}

/** As the language writes it: `reaches shop/web 50% masquerade no`, `dropped`, `not-ours`. */
export function formatExpectedOutcome(outcome: ExpectedOutcome): string {
  if (outcome.kind === "pass") return "not-ours";
  if (outcome.kind !== "reaches") return outcome.kind;
  const targets = outcome.targets.map((target) =>
    target.percent === null ? formatTarget(target) : `${formatTarget(target)} ${target.percent}%`,
  );
  const masquerade = outcome.masquerade === null ? "" : ` masquerade ${outcome.masquerade ? "yes" : "no"}`;
  return `reaches ${targets.join(", ")}${masquerade}`;
}

const verdicts = { drop: "dropped", reject: "rejected", pass: "not-ours" } as const;

/** `10.244.1.5:8080 75% masqueraded`, `dropped 50%`. */
function formatEnding({ end, share }: Ending, isOnly: boolean): string {
  const place = end.kind === "translated" ? formatSocket(end.address, end.port) : verdicts[end.kind];
  const masqueraded = end.kind === "translated" && end.masquerade ? " masqueraded" : "";
  return isOnly ? `${place}${masqueraded}` : `${place} ${formatShare(share)}${masqueraded}`;
}

function compareEnds(a: End, b: End): number {
  if (a.kind !== "translated" || b.kind !== "translated") return compareText(a.kind, b.kind);
  return compareAddresses(a.address, b.address) || compareNumbers(a.port, b.port);
}

/** By address and port: backends choose in orders of their own, which say nothing. */
export function inOrder(endings: readonly Ending[]): readonly Ending[] {
  return [...endings].sort((a, b) => compareEnds(a.end, b.end));
}

/** A pool may have thousands of endpoints, and a line of text nobody reads to its end. */
const mostShown = 16;

/** Where a packet goes, for people. */
export function formatEndings(endings: readonly Ending[]): string {
  const shown = [...endings]
    .sort((a, b) => compareEnds(a.end, b.end))
    .slice(0, mostShown)
    .map((ending) => formatEnding(ending, endings.length === 1));
  const more = endings.length > mostShown ? [`and ${endings.length - mostShown} more`] : [];
  return [...shown, ...more].join(", ");
}
