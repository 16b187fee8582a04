import type { BackendName } from "../../compiler/index.ts";
import type { Host } from "../host/host.ts";
import type { NodeFacts } from "./facts.ts";
import { moduleStates } from "./requirements.ts";
import { isAtLeast } from "./tools.ts";

/** `reason` is a sentence without a full stop; null when it is usable. */
export interface Usability {
  readonly usable: boolean;
  readonly reason: string | null;
}

/** What every artifact of a backend needs; single artifacts may need more, which preflight tells. */
const least: Readonly<
  Record<
    BackendName,
    {
      readonly kernel: string | null;
      readonly tools: readonly (readonly [alternatives: readonly string[], version: string | null])[];
      readonly modules: readonly string[];
    }
  >
> = {
  nftables: {
    kernel: "5.9",
    tools: [[["nft"], "1.0.6"]],
    modules: ["nf_tables", "nft_chain_nat", "nft_nat", "nft_masq", "nft_ct", "nft_numgen", "nft_fib_ipv4"],
  },
  iptables: {
    kernel: null,
    tools: [[["iptables-nft", "iptables-legacy"], "1.6.2"]],
    modules: ["xt_comment", "xt_mark", "xt_conntrack", "xt_addrtype", "xt_statistic", "xt_nat", "xt_MASQUERADE"],
  },
  userspace: {
    kernel: null,
    tools: [[["iptables-nft", "iptables-legacy"], "1.6.2"]],
    modules: ["xt_comment", "xt_mark", "xt_conntrack", "xt_addrtype", "xt_nat"],
  },
  ipvs: {
    kernel: "4.19",
    tools: [
      [["ipset"], "6.22"],
      [["ip"], null],
      [["iptables-nft", "iptables-legacy"], "1.6.2"],
    ],
    modules: ["ip_vs", "xt_ipvs", "xt_set", "ip_set_hash_ipport", "xt_connmark", "xt_conntrack", "xt_mark"],
  },
};

/** Which backends this node can carry, for `--backend auto` and for going back to another one. Needs no root to say no. */
export async function usableBackends(host: Host, facts: NodeFacts): Promise<Readonly<Record<BackendName, Usability>>> {
  const wanted = [...new Set(Object.values(least).flatMap(({ modules }) => modules))];
  const states = await moduleStates(host, facts, wanted);
  const judge = (backend: BackendName): Usability => {
    const { kernel, tools, modules } = least[backend];
    if (kernel !== null && !isAtLeast(facts.kernel.release, kernel)) {
      return no(`the kernel is ${facts.kernel.release}, and ${backend} needs ${kernel} or newer`);
    }
    for (const [alternatives, version] of tools) {
      const installed = alternatives.flatMap((tool) => facts.tools[tool] ?? []).filter(({ path }) => path !== null);
      const names = alternatives.join(" or ");
      if (installed.length === 0) return no(`there is no program ${names}`);
      if (version !== null && installed.every((tool) => tool.version !== null && !isAtLeast(tool.version, version))) {
        return no(`${names} is older than ${version}`);
      }
    }
    for (const name of modules) {
      const state = states.get(name);
      if (state === "missing") return no(`the kernel module ${name} is missing`);
      if (state === "blocked") return no(`the kernel module ${name} may not be loaded here`);
    }
    return { usable: true, reason: null };
  };
  return {
    iptables: judge("iptables"),
    ipvs: judge("ipvs"),
    nftables: judge("nftables"),
    userspace: judge("userspace"),
  };
}

function no(reason: string): Usability {
  return { usable: false, reason };
}
