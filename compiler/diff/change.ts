import type { BackendName } from "../backends/backend.ts";
import type { FrontendKind, ServiceKey, SourceClass } from "../ir/ir.ts";
import type { Fraction } from "../net/fraction.ts";

/**
 * What changes for traffic between two specs, as data: every format of `weir diff` is made from it. Texts of it that come
 * from a spec are as they are there; a format escapes them.
 */

/** An endpoint that new connections may reach. */
export interface ServedEndpoint {
  /** `10.244.1.5:8080` */
  readonly place: string;
  /** null where the scheduler looks at load or hashes. */
  readonly share: Fraction | null;
  /** Without a divisor common to the pool. */
  readonly weight: number;
}

/** What one class of clients meets at a frontend. `pass`: weir leaves the packet alone. */
export interface Served {
  readonly verdict: "endpoints" | "reject" | "drop" | "pass";
  /** Whether endpoints see the node's address instead of the client's. */
  readonly masquerade: boolean;
  /** In address and port order; empty for other verdicts. */
  readonly endpoints: readonly ServedEndpoint[];
}

/** The same change for one or more classes of clients. */
export interface ClientChange {
  readonly clients: readonly SourceClass[];
  readonly before: Served;
  readonly after: Served;
}

/** A setting before and after, in words; null where there is none. */
export interface SettingChange {
  readonly setting: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Which sources may use a frontend. Each list is exact and as short as can be. */
export interface SourceRangeChange {
  /** The ranges as the spec has them; null is everyone. */
  readonly before: readonly string[] | null;
  readonly after: readonly string[] | null;
  readonly letIn: readonly string[];
  readonly keptOut: readonly string[];
}

/** An endpoint that new connections no longer reach. `drained`: it stays for those it has. */
export interface LeavingEndpoint {
  readonly place: string;
  readonly drained: boolean;
}

/** Frontends of one service port that change in the same way. */
export interface FrontendChange {
  readonly change: "added" | "removed" | "changed";
  readonly key: ServiceKey;
  /** `10.96.0.10:80/tcp`, `node port 30080/tcp (ipv4)` */
  readonly places: readonly string[];
  readonly kinds: readonly FrontendKind[];
  readonly clients: readonly ClientChange[];
  readonly sourceRanges: SourceRangeChange | null;
  readonly settings: readonly SettingChange[];
  readonly leaving: readonly LeavingEndpoint[];
  /** Whether UDP clients are concerned, whose flows end when an endpoint leaves. */
  readonly protocols: readonly string[];
  /** Where it is declared: `shop.weir:31`; of the new spec, or of the old one when it is gone. */
  readonly declared: string;
}

export interface ServiceChange {
  readonly change: "added" | "removed" | "changed";
  readonly name: string;
  readonly frontends: readonly FrontendChange[];
  /** Health check port and addresses without ports. */
  readonly settings: readonly SettingChange[];
}

/** Something that a reviewer must see first. `exposure` is what --fail-on exposure is about. */
export interface Concern {
  readonly kind: "exposure" | "notice";
  readonly what: string;
}

/** A concern of the whole change. */
export interface PlacedConcern extends Concern {
  /** The nodes that it is about; null where it is about every node that changes, or about none. */
  readonly nodes: readonly string[] | null;
}

/** What the change costs one backend on one node. */
export interface BackendCost {
  readonly backend: BackendName;
  /** Why it cannot serve the old or the new spec; then nothing else is known of it. */
  readonly unable: string | null;
  readonly operations: number;
  readonly linesAdded: number;
  readonly linesRemoved: number;
  /** The most rules that a first packet of a changed frontend meets; null where there is none. */
  readonly rulesBefore: number | null;
  readonly rulesAfter: number | null;
  /** Packets for which old and new programs were followed and did what is said here, on all nodes that were followed. */
  readonly confirmed: number;
}

/** The same change of one or more nodes. */
export interface NodeChange {
  readonly nodes: readonly string[];
  readonly change: "added" | "removed" | "changed";
  readonly concerns: readonly Concern[];
  readonly settings: readonly SettingChange[];
  readonly services: readonly ServiceChange[];
  /** Service ports whose rules differ; only where programs were compared. */
  readonly touched: readonly string[];
  /** For the first of the nodes. */
  readonly costs: readonly BackendCost[];
  /** How many of the nodes had their programs followed. */
  readonly followed: number;
}

export interface Diff {
  /** What the two sides are called, as typed. */
  readonly old: string;
  readonly new: string;
  /** `meaning`: two specs were compared; `programs`: one side is a compiled folder, which holds no spec. */
  readonly compared: "meaning" | "programs";
  /** Of the specs as a whole, not of one node: guards. */
  readonly concerns: readonly Concern[];
  readonly settings: readonly SettingChange[];
  readonly nodes: readonly NodeChange[];
  /** How many nodes were compared. */
  readonly nodeCount: number;
}

export function isSame(diff: Diff): boolean {
  return diff.settings.length === 0 && diff.nodes.length === 0;
}

/** All concerns, each once, exposures first. */
export function allConcerns(diff: Diff): readonly PlacedConcern[] {
  const changed = diff.nodes.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const placed = new Map<string, { readonly concern: Concern; readonly nodes: Set<string> }>();
  for (const { concerns, nodes } of [{ concerns: diff.concerns, nodes: [] }, ...diff.nodes]) {
    for (const concern of concerns) {
      const key = `${concern.kind} ${concern.what}`;
      const known = placed.get(key) ?? { concern, nodes: new Set() };
      for (const name of nodes) known.nodes.add(name);
      placed.set(key, known);
    }
  }
  const concerns = [...placed.values()].map(({ concern, nodes }) => {
    const isEverywhere = nodes.size === 0 || nodes.size === changed;
    return { ...concern, nodes: isEverywhere ? null : [...nodes] };
  });
  return [...concerns.filter(({ kind }) => kind === "exposure"), ...concerns.filter(({ kind }) => kind === "notice")];
}

export function hasExposure(diff: Diff): boolean {
  return allConcerns(diff).some(({ kind }) => kind === "exposure");
}
