import { classRange } from "../../compiler/backends/nftables/slots.ts";
import { families } from "../../compiler/net/address.ts";
import type { BackendProgram } from "../desired/programs.ts";
import type { Host } from "../host/host.ts";
import type { NodeFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import type { ForeignUse } from "./foreign.ts";
import { holderOf } from "./listeners.ts";
import { markConflicts } from "./mark-conflicts.ts";
import { nodePortsOf } from "./node-ports.ts";

/** Where the rules of others, or programs, and this artifact would get in each other's way. */
export async function findConflicts(
  host: Host,
  facts: NodeFacts,
  foreign: ForeignUse,
  desired: BackendProgram,
): Promise<readonly Finding[]> {
  return [
    ...markConflicts(foreign, desired),
    ...classConflicts(foreign, desired),
    ...routingConflicts(foreign, desired),
    ...managerConflicts(facts),
    ...(await portConflicts(host, facts, foreign, desired)),
    ...forwardConflicts(foreign),
  ];
}

/** The nftables backend notes its choice in the packet's class on the way through the node, and clears it after. */
function classConflicts(foreign: ForeignUse, desired: BackendProgram): readonly Finding[] {
  if (desired.backend !== "nftables") return [];
  const taken = foreign.classes.filter(({ value }) => value >= classRange.first && value <= classRange.last);
  return taken.map(({ place, text }) => ({
    severity: "warning",
    code: "conflict/class",
    what: `${place} gives packets a class that weir's nftables rules use`,
    why: `weir takes classes from 5700:0 to 59ff:ffff back: ${text}`,
    help: "let that rule use another class, or use the backend iptables",
    services: [],
  }));
}

/** Rules of weir's own ask for its mark and lead to its table: all others that use them are someone else's. */
function routingConflicts(foreign: ForeignUse, desired: BackendProgram): readonly Finding[] {
  if (desired.backend !== "ipvs") return [];
  return families.flatMap((family) => {
    const own = desired.program.routing[family]?.rule;
    if (own === undefined) return [];
    const others = foreign.routing.filter(
      (rule) => rule.family === family && !(rule.mark === own.mark && rule.table === String(own.table)),
    );
    const inTable = others.filter((rule) => rule.table === String(own.table));
    const atPriority = others.filter((rule) => rule.priority === own.priority && rule.table !== String(own.table));
    return [
      ...inTable.map(
        ({ text }): Finding => ({
          severity: "error",
          code: "conflict/routing-table",
          what: `routing table ${own.table} is used by a rule of others: ${text}`,
          why: "weir keeps the routes for service addresses in it, and removes others",
          help: `let that rule use another table, or remove it: ip rule del priority PRIORITY`,
          services: [],
        }),
      ),
      ...atPriority.map(
        ({ text }): Finding => ({
          severity: "warning",
          code: "conflict/routing-priority",
          what: `another routing rule has weir's priority ${own.priority}: ${text}`,
          why: "of two rules with one priority the older one is asked first",
          help: "give that rule another priority",
          services: [],
        }),
      ),
    ];
  });
}

/** Other programs that serve the same addresses, or remove rules that are not theirs. */
export function managerConflicts(facts: NodeFacts): readonly Finding[] {
  return facts.managers.flatMap(({ name, seenBy, isRunning }): readonly Finding[] => {
    const base = { services: [], code: `conflict/${name}` } as const;
    if (name === "kube-proxy" && isRunning) {
      const why = "it serves the same addresses: which of the two answers depends on the order of their rules";
      const help = "stop it on this node, and let it clean up: kube-proxy --cleanup";
      return [{ ...base, severity: "error", what: `kube-proxy is running (${seenBy.join(", ")})`, why, help }];
    }
    if (name === "kube-proxy") {
      const why = "for addresses that both serve, which of the two answers depends on the order of their rules";
      const help = "let kube-proxy clean up: kube-proxy --cleanup";
      return [
        { ...base, severity: "warning", what: `kube-proxy has left its rules (${seenBy.join(", ")})`, why, help },
      ];
    }
    if (name === "keepalived" && isRunning) {
      const why = "virtual servers of the same address, protocol and port would be changed by both";
      return [{ ...base, severity: "warning", what: `keepalived is running (${seenBy.join(", ")})`, why, help: null }];
    }
    if (name === "firewalld" && isRunning) {
      const why = "with its iptables backend, firewall-cmd --reload removes all rules, weir's too";
      const help = "put weir's back after it: weir apply --last";
      return [{ ...base, severity: "warning", what: `firewalld is running (${seenBy.join(", ")})`, why, help }];
    }
    return [];
  });
}

/** Node ports win over what listens or is published on them, because translation comes first. */
async function portConflicts(
  host: Host,
  facts: NodeFacts,
  foreign: ForeignUse,
  desired: BackendProgram,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { family, protocol, port, keys } of nodePortsOf(desired)) {
    const listener = facts.listeners.find(
      (each) => each.protocol === protocol && each.port === port && hears(each.family, each.address, family),
    );
    const translation = foreign.translated.find((each) => each.protocol === protocol && each.port === port);
    const base = { severity: "warning", services: keys } as const;
    const help = "let one of them use another port";
    if (listener !== undefined) {
      const holder = await holderOf(host, listener);
      const what = `${holder ?? "a program"} listens on node port ${port}/${protocol}`;
      const why = "new connections to it go to the service instead";
      findings.push({ ...base, code: "conflict/listener", what, why, help });
    }
    if (translation !== undefined) {
      const what = `${translation.place} translates node port ${port}/${protocol} too`;
      const why = `the rule that comes first wins: ${translation.text}`;
      findings.push({ ...base, code: "conflict/published-port", what, why, help });
    }
  }
  return findings;
}

/** Sockets of IPv6 on every address hear IPv4 too. Loopback has no node ports. */
function hears(family: string, address: string, asked: string): boolean {
  if (address === "::1" || address.startsWith("127.")) return false;
  return family === asked || (asked === "ipv4" && address === "::");
}

function forwardConflicts(foreign: ForeignUse): readonly Finding[] {
  return [...new Set(foreign.closedForward)].map((place) => ({
    severity: "warning",
    code: "conflict/forward-policy",
    what: `${place} drops what no rule accepts`,
    why: "connections to endpoints on other nodes, or in pods, pass this chain",
    help: "accept them there: new connections with --ctstate DNAT (nftables: ct status dnat), and established ones",
    services: [],
  }));
}
