import type { BackendName } from "../backends/backend.ts";
import { keptScheduler } from "../backends/declared.ts";
import type { Packet } from "../backends/packet.ts";
import { loadBackend } from "../backends/registry.ts";
import { type Ending, endingsOf } from "../backends/simulation.ts";
import { loadSimulator, type PathStep, type Simulator, type Way } from "../backends/simulator.ts";
import { textsOf } from "../backends/text.ts";
import { type Diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { decide } from "../ir/decide.ts";
import type { NodeIr } from "../ir/ir.ts";
import { frontendOf } from "../ir/lookup.ts";
import { one } from "../net/fraction.ts";
import { compileBackend } from "../pipeline.ts";
import type { ExpectSpec } from "../spec/schema.ts";
import { complaintsAbout, complaintsAboutPlaces, type KeysAt, type Leniency } from "./judge.ts";
import { formatEndings, inOrder } from "./words.ts";

/** `spec` is what the spec means, before any backend. */
export type Judge = "spec" | BackendName;

/** One `expect` line on one node, as the spec means it or as one backend does it. */
export interface Trial {
  readonly expected: ExpectSpec;
  readonly node: string;
  readonly by: Judge;
  /** `skipped`: the backend cannot do what the spec says. */
  readonly status: "passed" | "failed" | "skipped";
  /** Where the packet goes, in words; null when it was not sent. */
  readonly got: string | null;
  /** What is wrong, or why it was skipped. */
  readonly reasons: readonly string[];
  /** What was not compared, and why. */
  readonly notes: readonly string[];
  /** The rules that the packet met on one way that is wrong; empty when nothing is. */
  readonly path: readonly PathStep[];
}

/** One backend's artifact, printed and read back, ready for packets. */
type Plane =
  | { readonly kind: "open"; readonly simulator: Simulator }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

async function openPlane(ir: NodeIr, name: BackendName): Promise<Plane> {
  const { files, diagnostics } = await compileBackend(ir, name);
  if (hasErrors(diagnostics)) return { kind: "refused", reasons: errorsOf(diagnostics) };
  const backend = await loadBackend(name);
  const program = backend.parse(textsOf(files));
  const kind = await loadSimulator(name);
  return { kind: "open", simulator: kind.open(program, { nodeAddresses: ir.node.addresses }) };
}

function errorsOf(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.filter((one) => one.severity === "error").map(({ code, message }) => `${code}: ${message}`);
}

export interface TryOptions {
  readonly backends: readonly BackendName[];
  /** Backends were asked for by name: one that cannot do what the spec says has failed. */
  readonly isAsked: boolean;
}

/** Tries expectations on one node: as the spec means them, and by each backend's printed artifact. */
export async function tryExpects(
  ir: NodeIr,
  expects: readonly ExpectSpec[],
  { backends, isAsked }: TryOptions,
): Promise<readonly Trial[]> {
  const keysAt = keysOf(ir);
  const trials = expects.map((expected) => [trialOfSpec(ir, expected)]);
  for (const name of backends) {
    // one after the other: four programs of a large spec at once would be four times the memory
    const plane = await openPlane(ir, name);
    for (const [at, expected] of expects.entries()) {
      const trial =
        plane.kind === "open"
          ? trialOf(ir, expected, name, plane.simulator, keysAt)
          : refusal(ir, expected, name, plane.reasons, isAsked);
      trials[at]?.push(trial);
    }
  }
  return trials.flat();
}

function refusal(ir: NodeIr, expected: ExpectSpec, by: Judge, reasons: readonly string[], isAsked: boolean): Trial {
  const status = isAsked ? "failed" : "skipped";
  return { expected, node: ir.node.name, by, status, got: null, reasons, notes: [], path: [] };
}

function packetOf({ protocol, source, destination, port }: ExpectSpec): Packet {
  return { protocol, source, destination, port, inputInterface: null };
}

const strict: Leniency = { masquerade: false, shares: false };

function trialOfSpec(ir: NodeIr, expected: ExpectSpec): Trial {
  const decided = decide(ir, packetOf(expected));
  const endings: readonly Ending[] =
    decided.verdict === "endpoints"
      ? decided.choices.map(({ share, ...end }) => ({ end: { kind: "translated", ...end }, share }))
      : [{ end: { kind: decided.verdict }, share: one }];
  const key = decided.verdict === "endpoints" ? decided.key : "";
  const reasons = complaintsAbout(expected.outcome, endings, () => new Set([key]), strict);
  const got = formatEndings(endings);
  return { expected, node: ir.node.name, by: "spec", status: statusOf(reasons), got, reasons, notes: [], path: [] };
}

function statusOf(reasons: readonly string[]): "passed" | "failed" {
  return reasons.length === 0 ? "passed" : "failed";
}

function trialOf(ir: NodeIr, expected: ExpectSpec, by: BackendName, simulator: Simulator, keysAt: KeysAt): Trial {
  const packet = packetOf(expected);
  const ways = simulator.send(packet);
  const endings = inOrder(endingsOf(ways.map((way) => ({ ...way, path: [] }))));
  const leniency = leniencyOf(ir, packet, by);
  const reasons = complaintsAbout(expected.outcome, endings, keysAt, leniency);
  const isWrong = ({ end }: Way) => complaintsAboutPlaces(expected.outcome, [end], keysAt, leniency).length > 0;
  const culprit = ways.find(isWrong) ?? ways[0];
  return {
    expected,
    node: ir.node.name,
    by,
    status: statusOf(reasons),
    got: formatEndings(endings),
    reasons,
    notes: notesOn(expected, by, leniency),
    path: reasons.length === 0 ? [] : (culprit?.path() ?? []),
  };
}

/** What backends declare that they do not keep: see docs/backends. */
function leniencyOf(ir: NodeIr, packet: Packet, by: BackendName): Leniency {
  const frontend = frontendOf(ir, packet.destination, packet.protocol, packet.port);
  const isOther = frontend != null && frontend.scheduler !== keptScheduler(by, frontend);
  return { masquerade: by === "userspace", shares: isOther };
}

function notesOn({ outcome }: ExpectSpec, by: BackendName, leniency: Leniency): readonly string[] {
  if (outcome.kind !== "reaches") return [];
  const hasShares = outcome.targets.some(({ percent }) => percent !== null);
  return [
    ...(leniency.masquerade && outcome.masquerade !== null
      ? ["masquerade is not compared: endpoints see the proxy as client"]
      : []),
    ...(leniency.shares && hasShares ? [`shares are not compared: ${by} spreads by weight, not by the scheduler`] : []),
  ];
}

const nowhere: ReadonlySet<string> = new Set();

function keysOf(ir: NodeIr): KeysAt {
  const keys = new Map<string, Set<string>>();
  for (const { key, routes } of [...ir.frontends.ipv4, ...ir.frontends.ipv6]) {
    for (const { pool } of routes) {
      for (const { address, port } of pool.endpoints) {
        const place = `${address.text} ${port}`;
        const known = keys.get(place);
        if (known === undefined) keys.set(place, new Set([key]));
        else known.add(key);
      }
    }
  }
  return (address, port) => keys.get(`${address.text} ${port}`) ?? nowhere;
}
