import type { BackendName, FileTexts } from "../backends/backend.ts";
import type { Packet } from "../backends/packet.ts";
import { loadBackend } from "../backends/registry.ts";
import { type End, endingsOf, type Surroundings } from "../backends/simulation.ts";
import { loadSimulator, type PathStep, type Simulator, type Way } from "../backends/simulator.ts";
import { compareAddresses, type IpAddress } from "../net/address.ts";
import { type Fraction, fraction } from "../net/fraction.ts";
import { compareNumbers } from "../net/order.ts";
import type { Port } from "../net/port.ts";
import { formatSocket } from "../net/socket.ts";
import { joinedSources } from "./sources.ts";

/** What becomes of one packet under one backend, followed through the rules as they are printed. */
export interface Trace {
  readonly backend: BackendName;
  readonly verdict: "endpoints" | "drop" | "reject" | "pass";
  /** Key of the service port that the packet is for; null where it is for none. */
  readonly service: string | null;
  readonly endpoints: readonly TracedEndpoint[];
  /** Never empty; in the order in which the rules lead there. */
  readonly ways: readonly TracedWay[];
}

export interface TracedEndpoint {
  readonly address: IpAddress;
  readonly port: Port;
  /** null where it depends on load or hashes. */
  readonly share: Fraction | null;
  readonly masquerade: boolean;
}

export interface TracedWay {
  readonly end: End;
  readonly steps: readonly TracedStep[];
}

export interface TracedStep extends PathStep {
  /** `shop.weir:31`, where what the rule is for was declared; null for rules that serve all. */
  readonly source: string | null;
}

/** Tells where the thing that a rule was made for is declared. */
export type SourceOf = (step: PathStep, end: End) => string | null;

/** Opens one backend's files, as they were printed, on a node with these addresses. Throws ParseError of text.ts. */
export async function openFiles(name: BackendName, files: FileTexts, surroundings: Surroundings): Promise<Simulator> {
  const [backend, simulator] = [await loadBackend(name), await loadSimulator(name)];
  return simulator.open(backend.parse(files), surroundings);
}

/** An endpoint that the client is to have been connected to before. */
export interface Before {
  readonly address: IpAddress;
  readonly port: Port;
}

/** The ways of a client's first connection, or of its next one after one to an endpoint; null when none leads there. */
export function waysOf(simulator: Simulator, packet: Packet, before: Before | null): readonly Way[] | null {
  const first = simulator.send(packet);
  if (before === null) return first;
  const there = first.find(
    ({ end }) => end.kind === "translated" && end.address.text === before.address.text && end.port === before.port,
  );
  return there === undefined ? null : simulator.send(packet, there.memory);
}

/** The trace of a packet whose ways are known. `keyOf` names the service port by the keys of the rules on the way. */
export function traceOf(
  backend: BackendName,
  ways: readonly Way[],
  sourceOf: SourceOf,
  serviceOf: (keys: readonly string[]) => string | null,
): Trace {
  const traced = ways.map((way) => ({
    end: way.end,
    steps: way.path().map((step) => ({ ...step, source: sourceOf(step, way.end) })),
  }));
  const endings = endingsOf(ways.map(({ share, end }) => ({ share, end, path: [], memory: null })));
  const endpoints = endings.flatMap(({ end, share }) =>
    end.kind === "translated" ? [{ address: end.address, port: end.port, share, masquerade: end.masquerade }] : [],
  );
  endpoints.sort((a, b) => compareAddresses(a.address, b.address) || compareNumbers(a.port, b.port));
  const keys = traced.flatMap(({ steps }) => steps.flatMap(({ key }) => (key === null ? [] : [key])));
  const other = endings.find(({ end }) => end.kind !== "translated")?.end.kind;
  const verdict = endpoints.length > 0 || other === undefined || other === "translated" ? "endpoints" : other;
  return { backend, verdict, service: serviceOf(keys), endpoints, ways: distinctWays(traced) };
}

/** A rule that sends to 20 slots of one endpoint has 20 ways that look the same. */
function distinctWays(ways: readonly TracedWay[]): readonly TracedWay[] {
  const seen = new Map<string, TracedWay>();
  for (const way of ways) {
    const key = JSON.stringify([endText(way.end), way.steps.map(stepKey)]);
    if (!seen.has(key)) seen.set(key, way);
  }
  return [...seen.values()];
}

export function endText(end: End): string {
  return end.kind === "translated" ? formatSocket(end.address, end.port) : end.kind;
}

export function stepKey({ place, rule }: PathStep): string {
  return `${place}\n${rule}`;
}

/** The ways of a trace, without repeating what they have in common. */
export interface TraceParts {
  readonly before: readonly TracedStep[];
  /** What each way has for itself; empty lists where the rules do not tell endpoints apart. */
  readonly own: readonly TracedWay[];
  readonly after: readonly TracedStep[];
}

export function partsOf({ ways }: Trace): TraceParts {
  const before = commonSteps(ways.map(({ steps }) => steps));
  const rests = ways.map(({ steps }) => steps.slice(before.length));
  const after = commonSteps(rests.map((steps) => [...steps].reverse())).reverse();
  const own = ways.map(({ end, steps }) => ({ end, steps: steps.slice(before.length, steps.length - after.length) }));
  return { before, own, after };
}

/** The steps that all paths begin with. Where paths differ in what one rule is for, it is for all of that. */
function commonSteps(paths: readonly (readonly TracedStep[])[]): TracedStep[] {
  const [first = []] = paths;
  const common: TracedStep[] = [];
  for (const [at, step] of first.entries()) {
    const same = paths.map((path) => path[at]);
    if (same.some((other) => other === undefined || stepKey(other) !== stepKey(step))) break;
    common.push({ ...step, source: joinedSources(same.map((other) => other?.source ?? null)) });
  }
  return common;
}

/** All steps of all ways: what they begin with, what each has for itself, what they end with. */
export function pathOf(trace: Trace): readonly TracedStep[] {
  const { before, own, after } = partsOf(trace);
  const between = new Map(own.flatMap(({ steps }) => steps.map((step) => [stepKey(step), step] as const)));
  return [...before, ...between.values(), ...after];
}

/** Rules of iptables choose in steps of 2^-31: a share that is meant to be 1/3 is shown as 1/3. */
export function roundedTo(share: Fraction | null, meant: Fraction | null): Fraction | null {
  if (share === null || meant === null) return share;
  const difference = share.numerator * meant.denominator - meant.numerator * share.denominator;
  const absolute = difference < 0n ? -difference : difference;
  const isNear = absolute * 100_000_000n < share.denominator * meant.denominator;
  return isNear ? fraction(meant.numerator, meant.denominator) : share;
}
