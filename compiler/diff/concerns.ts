import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { families } from "../net/address.ts";
import type { Concern, Served } from "./change.ts";
import { type FrontendPair, frontendOfPair, placeOf, servedBy } from "./frontends.ts";
import { nodePortPlaces, servesAny } from "./node-settings.ts";
import { rangesWithout } from "./ranges.ts";

/**
 * What a reviewer must see first. An exposure is something that clients outside reach now and did not before: a place
 * that is meant for them (external address, load balancer, node port), a source range that is let in, another service
 * at such a place, an address of the node on which node ports begin to answer. A cluster VIP is none: it is not routed
 * to from outside.
 */
export function concernsOf(old: NodeIr, now: NodeIr, pairs: readonly FrontendPair[]): readonly Concern[] {
  return [
    ...nodePortConcerns(old, now),
    ...detectorConcerns(old, now),
    ...pairs.flatMap((pair) => exposures(old, now, pair)),
    ...pairs.flatMap((pair) => masqueradeNotices(old, now, pair)),
    ...pairs.flatMap((pair) => closings(old, now, pair)),
  ];
}

function outside(ir: NodeIr, pair: FrontendPair, own: IrFrontend | null): Served {
  return servedBy(ir, pair, own, "outside");
}

/** Whether clients outside reach endpoints there; of a node port also only where some address of the node serves it. */
function isOpen(ir: NodeIr, pair: FrontendPair, own: IrFrontend | null): boolean {
  if (own === null || own.kind === "cluster") return false;
  if (own.kind === "node-port" && !servesAny(ir, own.family) && nodePortPlaces(ir, own.family).length === 0)
    return false;
  return outside(ir, pair, own).verdict === "endpoints";
}

function exposures(old: NodeIr, now: NodeIr, pair: FrontendPair): readonly Concern[] {
  const { before, after } = pair;
  if (after === null || !isOpen(now, pair, after)) return [];
  const place = `${placeOf(after)} of ${after.key}`;
  const who = after.sourceRanges === null ? "everyone" : texts(after.sourceRanges);
  if (before === null || !isOpen(old, pair, before))
    return [exposure(`${place} is newly reachable from outside, for ${who}`)];
  const letIn = rangesWithout(after.family, after.sourceRanges, before.sourceRanges);
  if (letIn.length > 0) return [exposure(widened(place, before, after, texts(letIn)))];
  if (serviceOf(before) === serviceOf(after)) return [];
  return [exposure(`${placeOf(after)} leads to ${after.key} now, and led to ${before.key} before`)];
}

function widened(place: string, before: IrFrontend, after: IrFrontend, letIn: string): string {
  const was = before.sourceRanges === null ? "everyone" : texts(before.sourceRanges);
  if (after.sourceRanges === null) return `${place} is open to everyone, before only to ${was}`;
  return `${place} lets in ${letIn}, before only ${was}`;
}

function texts(prefixes: readonly { readonly text: string }[]): string {
  const shown = prefixes.slice(0, 4).map(({ text }) => text);
  return prefixes.length > 4 ? `${shown.join(", ")} and ${prefixes.length - 4} more` : shown.join(", ");
}

function serviceOf({ key }: IrFrontend): string {
  return key.replace(/:.*/s, "");
}

function exposure(what: string): Concern {
  return { kind: "exposure", what };
}

function notice(what: string): Concern {
  return { kind: "notice", what };
}

/** Servers that see another client address than before have logs, limits and access lists that mean something else. */
function masqueradeNotices(old: NodeIr, now: NodeIr, pair: FrontendPair): readonly Concern[] {
  if (pair.before === null || pair.after === null) return [];
  const before = outside(old, pair, pair.before);
  const after = outside(now, pair, pair.after);
  if (before.verdict !== "endpoints" || after.verdict !== "endpoints" || before.masquerade === after.masquerade)
    return [];
  const place = `${placeOf(pair.after)} of ${pair.after.key}`;
  return [
    notice(
      after.masquerade
        ? `${place} hides the addresses of clients outside: endpoints see the node's`
        : `${place} no longer hides the addresses of clients outside: endpoints see them`,
    ),
  ];
}

/** Clients outside that reached a service and do not any more. */
function closings(old: NodeIr, now: NodeIr, pair: FrontendPair): readonly Concern[] {
  const { before, after } = pair;
  if (before === null || !isOpen(old, pair, before)) return [];
  const place = `${placeOf(before)} of ${frontendOfPair(pair).key}`;
  if (!isOpen(now, pair, after)) {
    const { verdict } = outside(now, pair, after);
    const how = {
      reject: "is rejected",
      drop: "is dropped",
      pass: "is not ours any more",
      endpoints: "answers nowhere",
    };
    return [notice(`${place} is no longer reachable from outside: it ${how[verdict]}`)];
  }
  const keptOut = after === null ? [] : rangesWithout(before.family, before.sourceRanges, after.sourceRanges);
  return keptOut.length === 0 ? [] : [notice(`${place} keeps out ${texts(keptOut)}`)];
}

function nodePortConcerns(old: NodeIr, now: NodeIr): readonly Concern[] {
  return families.flatMap((family) => {
    const ports = now.frontends[family].filter(({ kind }) => kind === "node-port").length;
    if (ports === 0) return [];
    const was = new Set(nodePortPlaces(old, family).map(({ text }) => text));
    const is = nodePortPlaces(now, family).map(({ text }) => text);
    const opened = is.filter((text) => !was.has(text));
    const hadPorts = old.frontends[family].some(({ kind }) => kind === "node-port");
    // ports that are new are told one by one
    if (!hadPorts) return [];
    if (opened.length > 0) return [exposure(`node ports answer on ${opened.join(", ")} now`)];
    const becameAny = servesAny(now, family) && !servesAny(old, family);
    return becameAny ? [exposure(`node ports answer on every ${family} address of the node now`)] : [];
  });
}

function detectorConcerns(old: NodeIr, now: NodeIr): readonly Concern[] {
  return families.flatMap((family) => {
    if (now.frontends[family].length === 0 || old.frontends[family].length === 0) return [];
    const [before, after] = [old.detector[family], now.detector[family]];
    if (JSON.stringify(before, plain) === JSON.stringify(after, plain)) return [];
    return [
      notice(`other ${family} sources count as pods: what is masqueraded, and which policy holds, changes for them`),
    ];
  });
}

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
