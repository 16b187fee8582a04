import type { Host } from "../host/host.ts";
import type { Manager, ManagerName } from "./facts.ts";
import type { Machine } from "./machine.ts";

/** What tells that a program is about: the names of its processes, chains, and tables of nftables. */
interface Signs {
  readonly processes: readonly string[];
  readonly chains: RegExp | null;
  readonly tables: RegExp | null;
}

/**
 * kubelet makes chains KUBE-… too (KUBE-FIREWALL, KUBE-MARK-MASQ, KUBE-KUBELET-CANARY), on nodes without kube-proxy;
 * only kube-proxy has KUBE-SERVICES and one chain for each service.
 */
const signs: readonly (Signs & { readonly name: ManagerName })[] = [
  {
    name: "kube-proxy",
    processes: ["kube-proxy"],
    chains: /^KUBE-(SERVICES|NODEPORTS|NODE-PORT|(SVC|SVL|SEP|EXT|FW)-[A-Z0-9]+)$/,
    tables: /^kube-proxy$/,
  },
  { name: "keepalived", processes: ["keepalived"], chains: null, tables: /^keepalived$/ },
  { name: "kube-router", processes: ["kube-router"], chains: /^KUBE-(ROUTER-|NWPLCY-|POD-FW-)/, tables: null },
  { name: "cilium", processes: ["cilium-agent"], chains: /^(OLD_)?CILIUM_/, tables: null },
  { name: "calico", processes: ["calico-node"], chains: /^cali-/, tables: /^calico$/ },
  { name: "flannel", processes: ["flanneld"], chains: /^FLANNEL-/, tables: /^flannel-/ },
  { name: "docker", processes: ["dockerd"], chains: /^DOCKER($|-)/, tables: /^docker-bridges$/ },
  {
    name: "firewalld",
    processes: ["firewalld"],
    chains: /_ZONES(_SOURCE)?$|^IN_public$|^nm-shared-/,
    tables: /^firewalld$/,
  },
  { name: "ufw", processes: [], chains: /^ufw6?-/, tables: null },
];

/** Names of the kernel's own kind that managers use. */
export interface RuleNames {
  readonly chains: readonly string[];
  readonly tables: readonly string[];
}

/** Who else manages the rules of this network namespace, by processes and by what they have left in the kernel. */
export async function findManagers(host: Host, machine: Machine, names: RuleNames): Promise<readonly Manager[]> {
  const processes = await processesHere(host, machine);
  const devices = await machine.list("/sys/class/net");
  return signs.flatMap((sign) => {
    const { name } = sign;
    const running = sign.processes.flatMap((process) => processes.get(process) ?? []);
    const seenBy = [
      ...running.slice(0, 3).map((pid) => `process ${pid}`),
      ...seenNames("chain", names.chains, sign.chains),
      ...seenNames("table", names.tables, sign.tables),
      ...(name === "kube-proxy" && devices.includes("kube-ipvs0") ? ["device kube-ipvs0"] : []),
    ];
    return seenBy.length === 0 ? [] : [{ name, seenBy, isRunning: running.length > 0 }];
  });
}

/** `chain KUBE-SERVICES` alone, or the first of several with their number. */
function seenNames(what: string, names: readonly string[], pattern: RegExp | null): readonly string[] {
  const found = pattern === null ? [] : [...new Set(names.filter((name) => pattern.test(name)))].sort();
  const [first] = found;
  if (first === undefined) return [];
  return [found.length === 1 ? `${what} ${first}` : `${what} ${first} and ${found.length - 1} more`];
}

/** Process ids by program name. Those that are known to be in another network namespace are none of this node's. */
async function processesHere(host: Host, machine: Machine): Promise<ReadonlyMap<string, readonly number[]>> {
  const wanted = new Set(signs.flatMap((sign) => sign.processes));
  const own = await machine.link("/proc/self/ns/net");
  const found = new Map<string, number[]>();
  for (const entry of await machine.list("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const name = (await host.read(`/proc/${entry}/comm`).catch(() => null))?.trim();
    if (name === undefined || !wanted.has(name)) continue;
    const theirs = await machine.link(`/proc/${entry}/ns/net`);
    if (own !== null && theirs !== null && own !== theirs) continue;
    found.set(name, [...(found.get(name) ?? []), Number(entry)]);
  }
  return found;
}
