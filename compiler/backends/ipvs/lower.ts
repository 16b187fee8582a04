import type { IrFrontend, NodeIr, PerFamily } from "../../ir/ir.ts";
import { isConcerned } from "../../ir/lookup.ts";
import { type Family, families, hostPrefix, type Prefix, prefixContains } from "../../net/address.ts";
import type { Lowered } from "../backend.ts";
import type { IptablesRuleset } from "../iptables/program.ts";
import { findingsOf } from "./limits.ts";
import { type FrontendPlan, planFrontend } from "./lower-frontend.ts";
import { lowerVirtualServers } from "./lower-servers.ts";
import { lowerSets } from "./lower-sets.ts";
import {
  allocateMarks,
  type MarkLayout,
  markLayout,
  routingPriority,
  routingTable,
  sysctlNames,
  sysctlValues,
} from "./names.ts";
import type { IpvsProgram, LocalRouting, Sysctl } from "./program.ts";
import { companionRules } from "./skeleton.ts";

/** Lowers to IPVS: virtual servers, the sets that lead packets to them, and the fixed rules and settings around. */
export function lowerIpvs(ir: NodeIr): Lowered<IpvsProgram> {
  const layout = markLayout(ir.marks);
  const plans: PerFamily<readonly FrontendPlan[]> = {
    ipv4: ir.frontends.ipv4.map((frontend) => planFrontend(frontend, ir)),
    ipv6: ir.frontends.ipv6.map((frontend) => planFrontend(frontend, ir)),
  };
  const identities = families.flatMap((family) =>
    plans[family].flatMap((plan) =>
      plan.pools.flatMap((pool) => (pool.markIdentity === null ? [] : [pool.markIdentity])),
    ),
  );
  const marks = allocateMarks(identities, layout);
  const served = families.filter((family) => isConcerned(ir, family));
  const program: IpvsProgram = {
    virtualServers: served.flatMap((family) => lowerVirtualServers(family, plans[family], marks, layout, ir)),
    timeouts: { tcp: ir.ipvs.tcpTimeoutSeconds, tcpFin: ir.ipvs.tcpFinTimeoutSeconds, udp: ir.ipvs.udpTimeoutSeconds },
    keptRanges: ir.ipvs.excludedRanges,
    sets: served.flatMap((family) => lowerSets(family, plans[family], marks, layout, ir)),
    rules: { ipv4: rulesOf(ir, "ipv4", layout), ipv6: rulesOf(ir, "ipv6", layout) },
    routing: { ipv4: routingOf(ir, "ipv4", layout), ipv6: routingOf(ir, "ipv6", layout) },
    sysctls: sysctlsOf(ir, served),
  };
  return { program, diagnostics: findingsOf(ir) };
}

function rulesOf(ir: NodeIr, family: Family, marks: MarkLayout): IptablesRuleset | null {
  if (!isConcerned(ir, family)) return null;
  const hasRangedNodePorts = ir.frontends[family].some(isRangedNodePort);
  return companionRules({ family, marks, detector: ir.detector[family], hasRangedNodePorts });
}

function isRangedNodePort(frontend: IrFrontend): boolean {
  return frontend.kind === "node-port" && frontend.sourceRanges !== null;
}

/** One route for each service range in use, and one for each served address outside of them. The node's own are local already. */
function routingOf(ir: NodeIr, family: Family, { deliver }: MarkLayout): LocalRouting | null {
  const prefixes: Prefix[] = [];
  const seen = new Set(ir.node.addresses.map((address) => address.text));
  for (const { address } of ir.frontends[family]) {
    if (address === null || seen.has(address.text)) continue;
    seen.add(address.text);
    const range = ir.serviceRanges[family].find((each) => prefixContains(each, address));
    if (range === undefined) prefixes.push(hostPrefix(address));
    else if (!seen.has(range.text)) {
      seen.add(range.text);
      prefixes.push(range);
    }
  }
  if (prefixes.length === 0) return null;
  return { rule: { priority: routingPriority, mark: deliver, mask: deliver, table: routingTable }, prefixes };
}

/**
 * vs.conntrack: IPVS connections are visible to conntrack, which masquerading, replies through a host firewall and the
 * verdicts for new connections need. expire_nodest_conn, expire_quiescent_template: clients leave servers that are gone
 * or drained. arp_*: strict ARP, for those who bind service addresses themselves.
 * Source: Documentation/networking/ipvs-sysctl.rst, ip-sysctl.rst.
 */
function sysctlsOf(ir: NodeIr, served: readonly Family[]): readonly Sysctl[] {
  if (served.length === 0) return [];
  const forwarding = { ipv4: sysctlNames.forwardIpv4, ipv6: sysctlNames.forwardIpv6 };
  const { conntrack, expireNoServer, expireDrained, arpIgnore, arpAnnounce } = sysctlNames;
  const strict = ir.ipvs.strictArp ? [arpIgnore, arpAnnounce] : [];
  const names = [conntrack, expireNoServer, expireDrained, ...served.map((family) => forwarding[family]), ...strict];
  return names.map((name) => ({ name, value: sysctlValues[name] }));
}
