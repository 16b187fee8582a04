import type { BackendName } from "../../compiler/backends/backend.ts";
import type { Change } from "./operators.ts";

/** Why a change that nothing notices changes no packet's fate. */
interface Explanation {
  readonly why: string;
  readonly backends: readonly BackendName[] | "all";
  readonly is: (change: Change, path: string) => boolean;
}

const explanations: readonly Explanation[] = [
  { why: "a comment", backends: "all", is: ({ operator }) => operator === "comment" },
  {
    why: "what a rule did it does once more: marks, drops, refusals and jumps without a way back",
    backends: ["iptables", "ipvs", "userspace"],
    is: ({ operator, before }) =>
      operator === "double" && /-g |-j (DROP|ACCEPT|RETURN|REJECT|MASQUERADE|MARK|SET|CONNMARK)\b/.test(before),
  },
  {
    why: "how long a client is remembered is no matter of a packet's path",
    backends: "all",
    is: ({ operator }) => operator === "timeout",
  },
  {
    why: "it is the last rule of its chain, and no rule follows the jump in the chain that it comes back to",
    backends: ["iptables", "userspace"],
    is: ({ operator, before }) => operator === "jump-goto" && /-[gj] WEIR-(DROP|REJECT|MASQUERADE)$/.test(before),
  },
  {
    why: "rules for different protocols, of which a packet has one, in either order",
    backends: ["iptables", "ipvs", "userspace"],
    is: ({ operator, before }) =>
      operator === "swap" && new Set([...before.matchAll(/-p (\w+)/g)].map(([, name]) => name)).size === 2,
  },
];

/** The reason for which a survivor means the same; null when there is none, which is a defect of something. */
export function equalBecause(backend: BackendName, change: Change, path: string): string | null {
  const found = explanations.find(
    ({ backends, is }) => (backends === "all" || backends.includes(backend)) && is(change, path),
  );
  return found?.why ?? null;
}
