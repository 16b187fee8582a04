import { decide } from "../ir/decide.ts";
import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { frontendOf, isNodeAddress } from "../ir/lookup.ts";
import { equalFractions, type Fraction, fractionToNumber, one } from "../net/fraction.ts";
import { rangeHas } from "../net/port.ts";
import type { BackendName } from "./backend.ts";
import { declarations, keptScheduler } from "./declared.ts";
import type { Outcome, Packet } from "./packet.ts";
import { type Ending, endingsOf } from "./simulation.ts";

const meanings = new WeakMap<NodeIr, Map<BackendName, NodeIr>>();

/** What of a spec's meaning the backend declares to keep: `decide` of this is what its rules must do. */
export function meaningFor(backend: BackendName, ir: NodeIr): NodeIr {
  if (declarations[backend].schedulers === "all") return ir;
  const ofIr = meanings.get(ir) ?? new Map<BackendName, NodeIr>();
  const known = ofIr.get(backend);
  if (known !== undefined) return known;
  const spread = (one: IrFrontend): IrFrontend => ({ ...one, scheduler: keptScheduler(backend, one) ?? "wrr" });
  const { ipv4, ipv6 } = ir.frontends;
  const meaning: NodeIr = { ...ir, frontends: { ipv4: ipv4.map(spread), ipv6: ipv6.map(spread) } };
  meanings.set(ir, ofIr.set(backend, meaning));
  return meaning;
}

/**
 * Whether the backend may refuse a packet that is for no service: the proxy guards its own ports on the node, because
 * whoever asked for them directly would get around source ranges and policies.
 */
function mayRefuse(backend: BackendName, ir: NodeIr, packet: Packet, expected: Outcome): boolean {
  return (
    backend === "userspace" &&
    expected.verdict === "pass" &&
    isNodeAddress(ir, packet.destination) &&
    ir.proxyPorts.some((range) => rangeHas(range, packet.port))
  );
}

/**
 * Whether the rules do what is decided. `mayHash`: a hash of the client may stand for affinity. `expected` comes from
 * `decide(meaningFor(backend, ir), packet)`.
 */
export function agrees(backend: BackendName, expected: Outcome, ways: readonly Ending[], mayHash = false): boolean {
  const endings = endingsOf(ways);
  if (expected.verdict !== "endpoints") return endings.length === 1 && endings[0]?.end.kind === expected.verdict;
  // as many endings as choices, no two alike, and each one of them expected: the same set
  if (endings.length !== expected.choices.length) return false;
  const { hidesSource, rounding } = declarations[backend];
  const wanted = new Map(expected.choices.map((choice) => [`${choice.address.text} ${choice.port}`, choice]));
  return endings.every(({ end, share }) => {
    if (end.kind !== "translated") return false;
    const place = `${end.address.text} ${end.port}`;
    const choice = wanted.get(place);
    wanted.delete(place);
    if (choice === undefined || end.masquerade !== (hidesSource || choice.masquerade)) return false;
    // a list of n endpoints, or a tree of them, throws dice at most n - 1 times before one of them is met
    if (share === null && mayHash) return true;
    return isSameShare(choice.share, share, rounding * expected.choices.length);
  });
}

/** What nobody can tell, because it depends on load or hashes, is that on both sides. */
function isSameShare(a: Fraction | null, b: Fraction | null, tolerance: number): boolean {
  if (a === null || b === null) return a === b;
  if (equalFractions(a, b)) return true;
  return tolerance > 0 && Math.abs(fractionToNumber(a) - fractionToNumber(b)) <= tolerance;
}

/** What the spec means for a packet, where the rules do something else; null where they do it. */
export function contradiction(
  backend: BackendName,
  ir: NodeIr,
  packet: Packet,
  ways: readonly Ending[],
): Outcome | null {
  const expected = decide(meaningFor(backend, ir), packet);
  const frontend = frontendOf(ir, packet.destination, packet.protocol, packet.port);
  const mayHash = backend === "ipvs" && frontend !== null && frontend.affinity !== null;
  if (agrees(backend, expected, ways, mayHash)) return null;
  const isRefusal = mayRefuse(backend, ir, packet, expected) && agrees(backend, { verdict: "reject", key: null }, ways);
  return isRefusal ? null : expected;
}

/**
 * The same for a client that has come before: it may be sent to one endpoint, or to some, but only where it could be
 * sent the first time.
 */
export function contradictionAgain(
  backend: BackendName,
  ir: NodeIr,
  packet: Packet,
  ways: readonly Ending[],
): Outcome | null {
  const expected = decide(meaningFor(backend, ir), packet);
  if (expected.verdict !== "endpoints") return agrees(backend, expected, ways) ? null : expected;
  const seen = new Set(ways.map(({ end }) => (end.kind === "translated" ? `${end.address.text} ${end.port}` : "")));
  const met = expected.choices.filter(({ address, port }) => seen.has(`${address.text} ${port}`));
  // how often is not asked
  const choices = met.map((choice) => ({ ...choice, share: met.length === 1 ? one : null }));
  const ends = ways.map(({ end }) => ({ end, share: null }));
  return agrees(backend, { ...expected, choices }, ends) ? null : expected;
}
