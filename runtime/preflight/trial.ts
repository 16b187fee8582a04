import { type Family, families } from "../../compiler/net/address.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";

/**
 * Features tried out for real, for kernels whose lists of modules cannot be read: in a container, or with everything
 * built in. All of it happens in a network namespace that is gone with the tool, so nothing of the node's changes.
 */

type Trial =
  | { readonly kind: "nft"; readonly family: Family; readonly rule: string }
  | { readonly kind: "iptables"; readonly family: Family; readonly table: string; readonly rule: string }
  | { readonly kind: "ipset"; readonly type: string };

const nft = (rule: string, family: Family = "ipv4"): Trial => ({ kind: "nft", family, rule });
const filter = (rule: string, family: Family = "ipv4"): Trial => ({ kind: "iptables", family, table: "filter", rule });
const nat = (chain: string, rule: string): Trial => ({
  kind: "iptables",
  family: "ipv4",
  table: "nat",
  rule: `${chain} ${rule}`,
});

/** What works exactly when the module is there, or its code is part of the kernel. */
const trials: Readonly<Record<string, Trial>> = {
  nf_tables: nft(""),
  nft_chain_nat: nft("chain x { type nat hook prerouting priority -100; }"),
  nft_fib_ipv4: nft("chain x { fib daddr type local; }"),
  nft_fib_ipv6: nft("chain x { fib daddr type local; }", "ipv6"),
  nft_reject_ipv4: nft("chain x { type filter hook input priority 0; reject; }"),
  nft_reject_ipv6: nft("chain x { type filter hook input priority 0; reject; }", "ipv6"),
  nft_nat: nft("chain x { type nat hook prerouting priority -100; dnat to 192.0.2.1; }"),
  nft_masq: nft("chain x { type nat hook postrouting priority 100; masquerade; }"),
  nft_ct: nft("chain x { ct status dnat; }"),
  nft_numgen: nft("chain x { meta priority set numgen random mod 2; }"),
  nft_hash: nft("chain x { meta priority set jhash ip saddr mod 2; }"),
  xt_comment: filter("OUTPUT -m comment --comment weir"),
  xt_mark: filter("OUTPUT -m mark --mark 1"),
  xt_connmark: filter("OUTPUT -m connmark --mark 1"),
  xt_addrtype: filter("OUTPUT -m addrtype --dst-type LOCAL"),
  xt_conntrack: filter("OUTPUT -m conntrack --ctstate NEW"),
  xt_statistic: filter("OUTPUT -m statistic --mode random --probability 0.5"),
  xt_recent: filter("OUTPUT -m recent --name weir-trial --rcheck"),
  // the match loads only where IPVS itself does
  ip_vs: filter("OUTPUT -m ipvs --ipvs"),
  xt_ipvs: filter("OUTPUT -m ipvs --ipvs"),
  xt_sctp: filter("OUTPUT -p sctp -m sctp --dport 80"),
  ipt_REJECT: filter("OUTPUT -j REJECT"),
  ip6t_REJECT: filter("OUTPUT -j REJECT", "ipv6"),
  xt_nat: nat("PREROUTING", "-p tcp -j DNAT --to-destination 192.0.2.1:80"),
  xt_REDIRECT: nat("PREROUTING", "-p tcp -j REDIRECT --to-ports 80"),
  xt_MASQUERADE: nat("POSTROUTING", "-j MASQUERADE --random-fully"),
  ip_set_hash_ip: { kind: "ipset", type: "hash:ip" },
  ip_set_hash_net: { kind: "ipset", type: "hash:net" },
  ip_set_hash_ipport: { kind: "ipset", type: "hash:ip,port" },
  ip_set_hash_netport: { kind: "ipset", type: "hash:net,port" },
  ip_set_hash_ipportnet: { kind: "ipset", type: "hash:ip,port,net" },
  ip_set_hash_ipportip: { kind: "ipset", type: "hash:ip,port,ip" },
};

/**
 * Which of these modules' features work, by trying; a name is left out where that cannot be told: no privileges to make
 * a namespace, a tool that is missing, or no trial for it. Seldom more than a handful of processes.
 */
export async function tryModules(host: Host, names: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
  const results = new Map<string, boolean>();
  if (!(await canUnshare(host))) return results;
  for (const kind of ["nft", "iptables"] as const) {
    for (const family of families) {
      const group = names.filter((name) => {
        const trial = trials[name];
        return trial?.kind === kind && trial.family === family;
      });
      await tryGroup(host, group, results);
    }
  }
  for (const name of names.filter((each) => trials[each]?.kind === "ipset")) await tryGroup(host, [name], results);
  return results;
}

/** All at once, and one by one when that fails. */
async function tryGroup(host: Host, names: readonly string[], results: Map<string, boolean>): Promise<void> {
  if (names.length === 0) return;
  const works = await attempt(host, names);
  if (works === null) return;
  if (works || names.length === 1) for (const name of names) results.set(name, works);
  else for (const name of names) await tryGroup(host, [name], results);
}

async function canUnshare(host: Host): Promise<boolean> {
  return (await attemptRun(host, ["true"], "")) === true;
}

/** Whether a tool takes all of it; null when there is no tool. */
async function attempt(host: Host, names: readonly string[]): Promise<boolean | null> {
  const chosen = names.flatMap((name) => trials[name] ?? []);
  const [first] = chosen;
  if (first === undefined) return null;
  switch (first.kind) {
    case "ipset":
      return attemptRun(host, ["ipset", "create", "weir-trial", first.type], "");
    case "nft": {
      const table = first.family === "ipv4" ? "ip" : "ip6";
      const text = chosen.map((trial, at) =>
        trial.kind === "nft" ? `table ${table} weir-trial-${at} {\n${trial.rule}\n}\n` : "",
      );
      return attemptRun(host, ["nft", "-f", "-"], text.join(""));
    }
    case "iptables": {
      const tool = await iptablesRestore(host, first.family);
      if (tool === null) return null;
      const text = chosen.map((trial) =>
        trial.kind === "iptables" ? `*${trial.table}\n-A ${trial.rule}\nCOMMIT\n` : "",
      );
      return attemptRun(host, [tool], text.join(""));
    }
  }
}

/** The nft flavour tells the kernel's refusals best, and leaves no legacy table behind. */
async function iptablesRestore(host: Host, family: Family): Promise<string | null> {
  const prefix = family === "ipv4" ? "iptables" : "ip6tables";
  for (const tool of [`${prefix}-nft-restore`, `${prefix}-legacy-restore`]) {
    if ((await host.find(tool)) !== null) return tool;
  }
  return null;
}

async function attemptRun(host: Host, argv: readonly string[], input: string): Promise<boolean | null> {
  const [tool = ""] = argv;
  if ((await host.find("unshare")) === null) return null;
  const path = await host.find(tool);
  if (path === null) return null;
  try {
    const result = await host.run({
      argv: ["unshare", "--net", "--", path, ...argv.slice(1)],
      input: [input],
      discardOutput: true,
      timeoutMs: 30_000,
    });
    return result.status === 0;
  } catch (error) {
    if (error instanceof HostError) return null;
    throw error;
  }
}
