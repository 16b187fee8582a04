import type { End, Ending } from "../backends/simulation.ts";
import type { IpAddress } from "../net/address.ts";
import type { Port } from "../net/port.ts";
import { formatSocket } from "../net/socket.ts";
import type { ExpectedOutcome } from "../spec/schema.ts";
import { formatShare, isPercent, sumOf } from "./share.ts";
import { formatTarget } from "./words.ts";

type Reaches = ExpectedOutcome & { readonly kind: "reaches" };
type Target = Reaches["targets"][number];
type Arrival = Extract<End, { readonly kind: "translated" }>;

/** What is not asked of a backend because it declares that it differs there. */
export interface Leniency {
  readonly masquerade: boolean;
  readonly shares: boolean;
}

/** Keys of the service ports, `shop/web:http`, that have an endpoint at this place. */
export type KeysAt = (address: IpAddress, port: Port) => ReadonlySet<string>;

const words = { drop: "dropped", reject: "rejected", pass: "left alone" } as const;
const kinds = { dropped: "drop", rejected: "reject", pass: "pass" } as const;

/** What is wrong with where a packet goes, as phrases; none when it is as expected. */
export function complaintsAbout(
  expected: ExpectedOutcome,
  endings: readonly Ending[],
  keysAt: KeysAt,
  leniency: Leniency,
): readonly string[] {
  const places = complaintsAboutPlaces(
    expected,
    endings.map(({ end }) => end),
    keysAt,
    leniency,
  );
  const arrivals = endings.filter(({ end }) => end.kind === "translated");
  if (expected.kind !== "reaches" || arrivals.length === 0) return places;
  const missed = expected.targets.flatMap((target) => {
    const own = arrivals.filter(({ end }) => end.kind === "translated" && isAt(target, end, keysAt));
    return complaintAboutTarget(target, own, leniency);
  });
  return [...places, ...missed];
}

/** What is wrong with the places where a packet may end, each by itself. */
export function complaintsAboutPlaces(
  expected: ExpectedOutcome,
  ends: readonly End[],
  keysAt: KeysAt,
  leniency: Leniency,
): readonly string[] {
  if (expected.kind !== "reaches") {
    const wanted = kinds[expected.kind];
    return ends.every(({ kind }) => kind === wanted) ? [] : [`it is not ${words[wanted]}`];
  }
  const lost = ends.flatMap((end) => (end.kind === "translated" ? [] : [`it is ${words[end.kind]}`]));
  const arrivals = ends.filter((end) => end.kind === "translated");
  const strangers = arrivals.filter((end) => !expected.targets.some((target) => isAt(target, end, keysAt)));
  return [
    ...lost,
    ...strangers.map((end) => `${socketOf(end)} is none of the targets`),
    ...(leniency.masquerade ? [] : complaintsAboutMasquerade(expected, arrivals)),
  ];
}

function isAt(target: Target, end: Arrival, keysAt: KeysAt): boolean {
  if (target.endpoint !== null) return target.endpoint.text === end.address.text;
  for (const key of keysAt(end.address, end.port)) if (isPortOf(key, target.service)) return true;
  return false;
}

/** `shop/web` is every port of the service, `shop/web:http` one of them. */
function isPortOf(key: string, service: string | null): boolean {
  return service !== null && (key === service || key.startsWith(`${service}:`));
}

function complaintAboutTarget(target: Target, own: readonly Ending[], leniency: Leniency): readonly string[] {
  const { percent } = target;
  if (own.length === 0) return percent === 0 ? [] : [`nothing reaches ${formatTarget(target)}`];
  if (percent === 0) return [`${formatTarget(target)} is reached, and should not be`];
  if (percent === null || leniency.shares) return [];
  const share = sumOf(own.map((ending) => ending.share));
  if (share === null) return [`the scheduler promises ${formatTarget(target)} no share, so ${percent}% may not hold`];
  return isPercent(share, percent) ? [] : [`${formatTarget(target)} gets ${formatShare(share)}, not ${percent}%`];
}

function complaintsAboutMasquerade({ masquerade }: Reaches, arrivals: readonly Arrival[]): readonly string[] {
  if (masquerade === null) return [];
  const wrong = arrivals.filter((end) => end.masquerade !== masquerade);
  if (wrong.length === 0) return [];
  const where = wrong.length === arrivals.length ? "the endpoint" : wrong.map(socketOf).join(", ");
  return [`${where} sees ${masquerade ? "the client's address" : "an address of the node"} as source`];
}

function socketOf({ address, port }: Arrival): string {
  return formatSocket(address, port);
}
