import { describe, expect, it } from "vitest";
import type { BackendName } from "../../compiler/backends/backend.ts";
import { backendNames } from "../../compiler/backends/registry.ts";
import { weir } from "./command.ts";
import { fixturesFolder } from "./fixtures.ts";

/**
 * What people expect of a service proxy of Kubernetes, rule by rule. Each is asked of `weir trace FOLDER` under every
 * backend. Where the modes of kube-proxy differ from each other, the outcome is weir's one meaning.
 */
interface Behaviour extends Question {
  /** Numbers of the rules, with blanks between them. */
  readonly items: string;
  readonly rule: string;
  /** `drop`, `reject`, `pass`; or the last parts of endpoints' addresses, and ` masqueraded`. */
  readonly outcome: string;
  /** A part of a rule on the way. */
  readonly on?: Partial<Readonly<Record<BackendName, string>>>;
}

interface Question {
  /** The folder of objects; what else is in it is left out. */
  readonly fixture: string;
  readonly node?: string;
  readonly options?: readonly string[];
  /** `SRC DST:PORT`, of tcp. */
  readonly packet: string;
}

interface Section {
  readonly title: string;
  /** The first and the last number of its rules. */
  readonly items: readonly [number, number];
  readonly behaviours: readonly Behaviour[];
  /** Rules that no packet can show, each with the reason. */
  readonly notAboutPackets?: Readonly<Record<number, string>>;
}

export const traffic = "86-kubernetes-traffic";
export const some = "87-kubernetes-some-addresses";
export const none = "88-kubernetes-no-detector";
export const pod = "10.244.1.77";
export const outside = "8.8.8.8";
export const own = "192.0.2.11";

interface Traced {
  readonly verdict: string;
  readonly endpoints: readonly { readonly address: string; readonly share: number | null }[];
  readonly masquerade: boolean;
  readonly path: readonly { readonly rule: string }[];
}

/** The answers by backend. */
export async function traced(question: Question): Promise<ReadonlyMap<string, Traced>> {
  const { fixture, node = "worker-1", options = [], packet } = question;
  const words = ["--backend", "all", ...options, `${fixturesFolder}/${fixture}`, "tcp", ...packet.split(" ")];
  const { code, stdout, stderr } = await weir(["trace", "--json", "--node", node, ...words]);
  expect([code, stderr]).toEqual([0, ""]);
  const list: readonly (Traced & { readonly backend: string })[] = JSON.parse(stdout);
  return new Map(list.map((each) => [each.backend, each]));
}

/** The proxy always hides the source, which it declares. */
function outcomeOf({ verdict, endpoints, masquerade }: Traced, backend: string): string {
  if (verdict !== "endpoints") return verdict;
  const names = endpoints.map(({ address }) => address.replace(/^(10\.244\.|fd00:10:244:)/, ""));
  return `${names.join(" ")}${masquerade && backend !== "userspace" ? " masqueraded" : ""}`;
}

export function describeBehaviours({ title, items: [from, to], behaviours, notAboutPackets = {} }: Section): void {
  describe(title, () => {
    it.each(behaviours)("$items: $rule", async (behaviour) => {
      const traces = await traced(behaviour);
      const wanted = behaviour.outcome;
      for (const backend of backendNames) {
        const trace = traces.get(backend);
        expect(trace, backend).toBeDefined();
        if (trace === undefined) continue;
        const meant = backend === "userspace" ? wanted.replace(" masqueraded", "") : wanted;
        expect([backend, outcomeOf(trace, backend)]).toEqual([backend, meant]);
        const part = behaviour.on?.[backend];
        if (part === undefined) continue;
        expect(
          trace.path.some(({ rule }) => rule.includes(part)),
          `${backend} ${part}`,
        ).toBe(true);
      }
    });

    it("covers every item, or says why not", () => {
      const covered = new Set(behaviours.flatMap(({ items }) => items.split(" ").map(Number)));
      const all = Array.from({ length: to - from + 1 }, (_, at) => from + at);
      expect(all.filter((item) => !covered.has(item) && notAboutPackets[item] === undefined)).toEqual([]);
    });
  });
}
