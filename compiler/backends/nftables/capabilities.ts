import { protocols } from "../../net/port.ts";
import type { Requirement } from "../backend.ts";
import type { BackendLimits } from "../limits.ts";
import type { NftProgram } from "./program.ts";

export const nftablesLimits: BackendLimits = {
  backend: "nftables",
  spreading: "at random by weight",
  protocols,
  keepsSource: true,
};

/**
 * The least kernel: reject in prerouting came with 5.9; ranges in concatenated keys with 5.6, removal of set elements
 * by rules with 5.4, all before it. The least nft is the one that the ruleset was tried with, Debian 12's.
 */
const leastKernel = "5.9";
const leastTool = "1.0.6";

export function nftablesRequirements(program: NftProgram): readonly Requirement[] {
  if (program.tables.length === 0) return [];
  const requirement = (kind: Requirement["kind"], name: string, value: string | null, neededBy: string) => ({
    kind,
    name,
    value,
    neededBy,
  });
  return [
    requirement("capability", "CAP_NET_ADMIN", null, "loading rules"),
    requirement("kernel", "linux", leastKernel, "reject in prerouting"),
    requirement("kernel-module", "nf_tables", null, "all rules"),
    requirement("kernel-module", "nft_chain_nat", null, "translation"),
    ...program.tables.flatMap(({ family }) => [
      requirement(
        "kernel-module",
        family === "ip" ? "nft_fib_ipv4" : "nft_fib_ipv6",
        null,
        "telling the node's own addresses",
      ),
      requirement("kernel-module", family === "ip" ? "nft_reject_ipv4" : "nft_reject_ipv6", null, "reject"),
      requirement(
        "sysctl",
        family === "ip" ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding",
        "1",
        "endpoints that are not on this node",
      ),
    ]),
    ...["nft_nat", "nft_masq", "nft_ct", "nft_numgen", "nft_hash"].map((name) =>
      requirement("kernel-module", name, null, "translation and choice of endpoints"),
    ),
    requirement("tool", "nft", leastTool, "loading rules"),
  ];
}
