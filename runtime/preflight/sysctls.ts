import type { Host } from "../host/host.ts";

/** Settings that decide whether service traffic passes, for doctor to show. */
export const probedSysctls = [
  "net.ipv4.ip_forward",
  "net.ipv6.conf.all.forwarding",
  "net.ipv4.conf.all.rp_filter",
  "net.ipv4.conf.default.rp_filter",
  "net.ipv4.conf.all.route_localnet",
  "net.bridge.bridge-nf-call-iptables",
  "net.bridge.bridge-nf-call-ip6tables",
  "net.netfilter.nf_conntrack_max",
  "net.netfilter.nf_conntrack_count",
  "net.ipv4.vs.conntrack",
  "net.ipv4.vs.conn_reuse_mode",
  "net.ipv4.vs.expire_nodest_conn",
  "net.ipv4.vs.expire_quiescent_template",
] as const;

/** Their values; null where the kernel has no such setting now. */
export async function probeSysctls(host: Host): Promise<Readonly<Record<string, string | null>>> {
  const found = await Promise.all(probedSysctls.map(async (name) => [name, await readSysctl(host, name)] as const));
  return Object.fromEntries(found);
}

/** One setting by its name with dots; null when there is none, or it may not be read. */
export async function readSysctl(host: Host, name: string): Promise<string | null> {
  const text = await host.read(`/proc/sys/${name.replaceAll(".", "/")}`).catch(() => null);
  return text === null ? null : text.trim();
}
