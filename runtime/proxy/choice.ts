import { mixBits } from "../../compiler/backends/hash.ts";
import type { Scheduler } from "../../compiler/spec/schema.ts";
import type { PoolEndpoint } from "./endpoint.ts";

/** How a pool chooses, after the schedulers of IPVS as far as they make sense where there is one destination. */
export type Choice =
  | { readonly kind: "in-turn"; readonly weight: (endpoint: PoolEndpoint) => number }
  | { readonly kind: "least"; readonly rank: (endpoint: PoolEndpoint) => number }
  | { readonly kind: "by-source" };

const byWeight: Choice = { kind: "in-turn", weight: ({ weight }) => weight };
const evenly: Choice = { kind: "in-turn", weight: () => 1 };
const least = (rank: (endpoint: PoolEndpoint) => number): Choice => ({ kind: "least", rank });

/**
 * The compiler gives null for those that a proxy has not: it spreads by weight then.
 * Ranks are those of net/netfilter/ipvs/ip_vs_{lc,wlc,sed,nq,fo}.c without inactive connections, which a proxy has not.
 */
export function choiceOf(scheduler: Scheduler | null): Choice {
  switch (scheduler) {
    case "lc":
      return least(({ active }) => active);
    case "wlc":
      return least(({ active, weight }) => active / weight);
    case "sed":
      return least(({ active, weight }) => (active + 1) / weight);
    case "nq":
      return least(({ active, weight }) => (active === 0 ? 0 : (active + 1) / weight));
    case "fo":
      return least(({ weight }) => -weight);
    case "sh":
    case "mh":
      return { kind: "by-source" };
    case "rr":
      return evenly;
    default:
      return byWeight;
  }
}

export type IsCandidate = (endpoint: PoolEndpoint) => boolean;

/** One of the candidates; null when there is none. In turn and among equals it changes whose turn is next. */
export function choose(
  choice: Choice,
  endpoints: readonly PoolEndpoint[],
  isCandidate: IsCandidate,
  clientHash: () => number,
): PoolEndpoint | null {
  switch (choice.kind) {
    case "in-turn":
      return nextInTurn(endpoints, isCandidate, choice.weight);
    case "least": {
      let best = Number.POSITIVE_INFINITY;
      for (const endpoint of endpoints) if (isCandidate(endpoint)) best = Math.min(best, choice.rank(endpoint));
      const isBest = (endpoint: PoolEndpoint) => isCandidate(endpoint) && choice.rank(endpoint) === best;
      return nextInTurn(endpoints, isBest, ({ weight }) => weight);
    }
    case "by-source":
      return bySource(endpoints, isCandidate, clientHash());
  }
}

/**
 * Smooth weighted round robin: everyone waits by its weight, who has waited most is next and has waited less by what all
 * did. Over any total weight of turns each gets exactly its weight of them, spread out evenly.
 */
function nextInTurn(
  endpoints: readonly PoolEndpoint[],
  isCandidate: IsCandidate,
  weightOf: (endpoint: PoolEndpoint) => number,
): PoolEndpoint | null {
  let total = 0;
  let next: PoolEndpoint | null = null;
  for (const endpoint of endpoints) {
    if (!isCandidate(endpoint)) continue;
    const weight = weightOf(endpoint);
    endpoint.current += weight;
    total += weight;
    if (next === null || endpoint.current > next.current) next = endpoint;
  }
  if (next !== null) next.current -= total;
  return next;
}

/**
 * Weighted rendezvous hashing: each endpoint draws a number from the client's address and its own, and the highest one
 * wins. An endpoint that leaves moves only its own clients.
 */
function bySource(endpoints: readonly PoolEndpoint[], isCandidate: IsCandidate, client: number): PoolEndpoint | null {
  let best = Number.NEGATIVE_INFINITY;
  let winner: PoolEndpoint | null = null;
  for (const endpoint of endpoints) {
    if (!isCandidate(endpoint)) continue;
    const drawn = (mixBits(client ^ endpoint.hash) + 0.5) / 2 ** 32;
    const score = -endpoint.weight / Math.log(drawn);
    if (score <= best) continue;
    best = score;
    winner = endpoint;
  }
  return winner;
}
