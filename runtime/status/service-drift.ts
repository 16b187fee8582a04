import type { Served, ServedFrontends } from "../served/served.ts";

/**
 * What a difference means for a frontend's traffic. `unserved`: new connections do not reach any endpoint; `unrefused`:
 * they should be refused or dropped, and are not by this rule; `endpoint-missing`, `endpoint-extra`: one endpoint gets
 * none, or gets some that it should not; `lost`: some choices lead nowhere; `share`: endpoints get other shares;
 * `treatment`: masquerading, policies or affinity differ; `unwanted`: it should not be served at all.
 */
export type Problem =
  | "unserved"
  | "unrefused"
  | "endpoint-missing"
  | "endpoint-extra"
  | "lost"
  | "share"
  | "treatment"
  | "unwanted";

export interface ServiceDrift {
  /** `shop/web:http`; null when nothing tells whose it is. */
  readonly service: string | null;
  /** `10.96.0.10:80/tcp`, `node port 30080/tcp` */
  readonly frontend: string;
  readonly problem: Problem;
  /** `10.244.2.7:8080`; null when it is about the whole frontend. */
  readonly endpoint: string | null;
  /** A sentence without a full stop, about traffic. */
  readonly meaning: string;
}

/** The differences between what the kernel does and what it should do, frontend by frontend, in the order of the desired. */
export function compareServed(kernel: ServedFrontends, desired: ServedFrontends): readonly ServiceDrift[] {
  const drifts: ServiceDrift[] = [];
  for (const [frontend, wanted] of desired) drifts.push(...compareFrontend(frontend, kernel.get(frontend), wanted));
  for (const [frontend, found] of kernel) {
    if (desired.has(frontend) || found.leads.size === 0) continue;
    const problem = { service: found.key, frontend, problem: "unwanted", endpoint: null } as const;
    drifts.push({ ...problem, meaning: `${frontend} is served, and should not be` });
  }
  return drifts;
}

function compareFrontend(frontend: string, found: Served | undefined, wanted: Served): readonly ServiceDrift[] {
  const drift = (problem: Problem, endpoint: string | null, meaning: string): ServiceDrift => ({
    service: wanted.key,
    frontend,
    problem,
    endpoint,
    meaning,
  });
  const isServed = found !== undefined && found.leads.size > 0;
  if (wanted.choices.size === 0) {
    if (!isServed) return [drift("unrefused", null, `${frontend} is not refused as it should be`)];
  } else if (!isServed || found.choices.size === 0) {
    return [drift("unserved", null, `${frontend} is not served`)];
  }
  if (found === undefined) return [];
  const [have, need] = [sharesOf(found), sharesOf(wanted)];
  const missing = [...need.keys()].filter((endpoint) => !have.has(endpoint));
  const extra = [...have.keys()].filter((endpoint) => !need.has(endpoint));
  const drifts = [
    ...missing.map((endpoint) => drift("endpoint-missing", endpoint, `${endpoint} gets no connections`)),
    ...extra.map((endpoint) => drift("endpoint-extra", endpoint, `${endpoint} gets connections, and should not`)),
  ];
  const isSameWay = sameSet(found.leads, wanted.leads);
  const lost = isSameWay ? lostChoices(found, wanted) : null;
  if (lost !== null) {
    drifts.push(drift("lost", null, lost));
  } else if (drifts.length === 0 && !sameMap(have, need)) {
    drifts.push(drift("share", null, "its endpoints get other shares than they should"));
  }
  if (!isSameWay)
    drifts.push(drift("treatment", null, "its packets are treated otherwise: masquerade or policy differ"));
  return drifts;
}

/** Class ids of nftables with this bit are an endpoint's own number, others are slots: see slots.ts of the backend. */
const ownNumberBit = 0x800000;

/**
 * What happens to connections whose choice has no entry any more; null when all have one. Only the slots of nftables can
 * be missing one by one: a rule of iptables or a server of IPVS that is gone is not chosen.
 */
function lostChoices(found: Served, wanted: Served): string | null {
  const all = [...wanted.choices.keys()];
  const lost = all.filter((choice) => !found.choices.has(choice));
  if (lost.length === 0 || !all.every((choice) => /^\d+$/.test(choice))) return null;
  if (lost.some((choice) => (Number(choice) & ownNumberBit) !== 0)) return "new connections that choose it fail";
  return `${lost.length} of ${all.length} new connections ${lost.length === 1 ? "fails" : "fail"}`;
}

/** How many choices lead to each endpoint. */
function sharesOf(served: Served): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const endpoint of served.choices.values()) shares.set(endpoint, (shares.get(endpoint) ?? 0) + 1);
  return shares;
}

function sameMap(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((value) => b.has(value));
}
