import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linuxHost } from "../../runtime/host/linux-host.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { kubeProxyRules, nftMarks, publishedPort, restoredMarks, takenDropBit } from "../support/foreign-marks.ts";
import { foreignRules } from "../support/foreign-rules.ts";
import { doctorSchema } from "../support/inspect-schema.ts";
import { labTrouble, skipFor } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { complaintAboutEnd, openWeirNode } from "../support/weir-node.ts";

/** What doctor finds among the rules of others, in real namespaces; and that apply stops at its errors. */

const spec = join(import.meta.dirname, "../../fixtures/26-node-ports/service.weir");

let test: TestPool | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble();
  if (trouble === null) test = await openTestPool();
});

afterAll(() => test?.close());

async function inNamespace(work: (agent: Agent, lab: TestPool) => Promise<void>): Promise<void> {
  if (test === null) return;
  const agent = await test.pool.node();
  try {
    await work(agent, test);
  } finally {
    await test.pool.end(agent);
  }
}

/** `weir doctor --json` in a process of its own in the namespace. */
async function examine(agent: Agent, lab: TestPool, args: readonly string[] = [], before: readonly string[] = []) {
  const ended = await agent.tryRun([...before, process.execPath, lab.command, "doctor", "--json", ...args]);
  if (ended.stdout === "") throw new Error(`doctor: exit ${ended.status}: ${ended.stderr}`);
  return { status: ended.status, report: doctorSchema.parse(JSON.parse(ended.stdout)) };
}

type Finding = Awaited<ReturnType<typeof examine>>["report"]["findings"][number];

/** `error conflict/mark`, without what only speaks of the node's settings. */
function codes(findings: readonly Finding[]): readonly string[] {
  return [...new Set(findings.map(({ severity, code }) => `${severity} ${code}`))].sort();
}

interface Case {
  readonly name: string;
  readonly backend: "iptables" | "nftables" | "ipvs";
  readonly load: (agent: Agent) => Promise<unknown>;
  /** All that is found beside requirements, and that it says this. */
  readonly finds: readonly string[];
  readonly says?: RegExp;
}

const restore = (text: string) => (agent: Agent) => agent.run(["iptables-nft-restore", "--noflush"], text);
const restoreLegacy = (text: string) => (agent: Agent) => agent.run(["iptables-legacy-restore", "--noflush"], text);
const ip =
  (...args: readonly string[]) =>
  (agent: Agent) =>
    agent.run(["ip", ...args]);

const cases: readonly Case[] = [
  { name: "an empty node", backend: "iptables", load: async () => {}, finds: [] },
  ...foreignRules.map(({ name, iptables }) => ({
    name,
    backend: "iptables" as const,
    load: restore(iptables.ipv4),
    finds: name === "docker" ? ["warning conflict/forward-policy"] : [],
  })),
  {
    name: "kube-proxy's rules",
    backend: "iptables",
    load: restore(kubeProxyRules),
    finds: ["warning conflict/kube-proxy", "warning conflict/mark"],
    says: /Kubernetes means the same by it/,
  },
  {
    name: "kube-proxy's rules in iptables-legacy",
    backend: "nftables",
    load: restoreLegacy(kubeProxyRules),
    finds: ["warning conflict/kube-proxy", "warning conflict/mark"],
  },
  {
    name: "the drop bit, taken",
    backend: "iptables",
    load: restore(takenDropBit),
    finds: ["error conflict/mark"],
    says: /chain PREROUTING of table mangle \(ipv4\) sets mark bit 15 \(0x8000\) of weir's/,
  },
  { name: "the drop bit, which nftables does not use", backend: "nftables", load: restore(takenDropBit), finds: [] },
  {
    name: "marks restored from connections",
    backend: "iptables",
    load: restore(restoredMarks),
    finds: ["warning conflict/mark-cleared"],
    says: /chain FORWARD of table mangle \(ipv4\) may clear mark bits of weir's/,
  },
  {
    name: "marks restored from connections, after IPVS's rules have set them",
    backend: "ipvs",
    load: restore(restoredMarks),
    finds: ["warning conflict/mark-cleared"],
    says: /chain PREROUTING of table mangle \(ipv4\) may clear mark bits of weir's/,
  },
  {
    name: "a routing rule by mark, as WireGuard makes it",
    backend: "iptables",
    load: ip("rule", "add", "not", "fwmark", "51820", "table", "51820"),
    finds: ["error conflict/mark"],
    says: /routing rule 32765 \(ipv4\) asks for mark bits 14 \(0x4000\), 15 \(0x8000\) of weir's/,
  },
  {
    name: "the same in IPv6",
    backend: "nftables",
    load: ip("-6", "rule", "add", "fwmark", "0x4000/0x4000", "table", "100"),
    finds: ["error conflict/mark"],
    says: /routing rule 32765 \(ipv6\) asks for mark bit 14 \(0x4000\) of weir's/,
  },
  {
    name: "other bits",
    backend: "iptables",
    load: ip("rule", "add", "fwmark", "0x10000/0xffff0000", "table", "100"),
    finds: [],
  },
  {
    name: "marks and classes in nftables",
    backend: "nftables",
    load: (agent) => agent.run(["nft", "-f", "-"], nftMarks),
    finds: ["error conflict/mark", "warning conflict/class"],
    says: /chain forward of table inet shaper sets mark bit 14 \(0x4000\)/,
  },
  {
    name: "marks in nftables, beside iptables rules",
    backend: "iptables",
    load: (agent) => agent.run(["nft", "-f", "-"], nftMarks),
    finds: ["error conflict/mark"],
    says: /asks for mark bit 12 \(0x1000\)/,
  },
  {
    name: "a published port, and a closed FORWARD",
    backend: "nftables",
    load: restore(publishedPort),
    finds: ["warning conflict/forward-policy", "warning conflict/published-port"],
    says: /chain DOCKER of table nat \(ipv4\) translates node port 30080\/tcp too/,
  },
  {
    name: "a daemon on a node port",
    backend: "nftables",
    load: (agent) => agent.serve([{ protocol: "tcp", address: "0.0.0.0", port: 30080 }]),
    finds: ["warning conflict/listener"],
    says: /\(pid \d+\) listens on node port 30080\/tcp/,
  },
  {
    name: "a daemon on the same port of loopback, and of UDP",
    backend: "nftables",
    load: (agent) =>
      agent.serve([
        { protocol: "tcp", address: "127.0.0.1", port: 30080 },
        { protocol: "udp", address: "0.0.0.0", port: 30080 },
      ]),
    finds: [],
  },
  {
    name: "the routing table of IPVS, taken",
    backend: "ipvs",
    load: ip("rule", "add", "to", "198.51.100.0/24", "table", "30569"),
    finds: ["error conflict/routing-table"],
  },
  {
    name: "its priority, taken",
    backend: "ipvs",
    load: ip("rule", "add", "to", "198.51.100.0/24", "table", "100", "priority", "1000"),
    finds: ["warning conflict/routing-priority"],
  },
  {
    name: "IPVS's own rule",
    backend: "ipvs",
    load: ip("rule", "add", "fwmark", "0x40000000/0x40000000", "table", "30569", "priority", "1000"),
    finds: [],
  },
];

describe("conflicts", () => {
  it.for(cases)("$name: $backend", { timeout: 30_000 }, async (each, context) => {
    if (trouble !== null) return skipFor(context, trouble);
    await inNamespace(async (agent, lab) => {
      await agent.run(["ip", "link", "set", "lo", "up"]);
      await each.load(agent);
      const { status, report } = await examine(agent, lab, [spec, "--node", "worker-1", "--backend", each.backend]);
      const conflicts = report.findings.filter(({ code }) => code.startsWith("conflict/"));
      expect(codes(conflicts)).toEqual(each.finds);
      const sentences = conflicts.map(({ what, why }) => `${what}: ${why ?? ""}`).join("\n");
      if (each.says !== undefined) expect(sentences).toMatch(each.says);
      const hasErrors = report.findings.some(({ severity }) => severity === "error");
      expect(status).toBe(hasErrors ? 1 : 0);
      expect(report.state).toBe(hasErrors ? "unmet" : "ready");
    });
  });

  it("stop an apply before anything is changed", { timeout: 30_000 }, async (context) => {
    if (trouble !== null || test === null) return skipFor(context, trouble ?? "there is no lab");
    const node = await openWeirNode(test);
    try {
      await restore(takenDropBit)(node.agent);
      const before = await node.agent.run(["nft", "list", "ruleset"]);
      const ended = await node.weir("apply", spec, "--node", "worker-1", "--backend", "iptables");
      expect(complaintAboutEnd("apply", ended, 2)).toBeNull();
      expect(ended.stderr).toMatch(/^error: chain PREROUTING of table mangle \(ipv4\) sets mark bit 15/m);
      expect(ended.stderr).toContain("  = help: choose other bits in the spec's cluster block");
      expect(await node.agent.run(["nft", "list", "ruleset"])).toBe(before);
    } finally {
      await node.close();
    }
  });
});

describe("a node", () => {
  it("is seen whole by root", { timeout: 30_000 }, async (context) => {
    if (trouble !== null) return skipFor(context, trouble);
    await inNamespace(async (agent, lab) => {
      await restore(kubeProxyRules)(agent);
      const { status, report } = await examine(agent, lab);
      expect(status).toBe(0);
      expect(report.state).toBe("ready");
      expect(report.privileges).toEqual({ isRoot: true, netAdmin: true, sysAdmin: true });
      expect(report.backends.nftables).toEqual({ usable: true, reason: null });
      expect(report.unseen).toEqual([]);
      expect(report.flavours?.inUse).toEqual(["nft"]);
      expect(report.managers).toEqual([
        { name: "kube-proxy", seenBy: ["chain KUBE-SERVICES and 1 more"], isRunning: false },
      ]);
      expect(report.marks.map(({ ones }) => ones)).toContain(0x4000);
    });
  });

  it("is seen in part by an ordinary user, who is told what is missing", { timeout: 30_000 }, async (context) => {
    if (trouble !== null) return skipFor(context, trouble);
    if ((await linuxHost().find("setpriv")) === null) return skipFor(context, "setpriv is not installed");
    await inNamespace(async (agent, lab) => {
      const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
      const { status, report } = await examine(
        agent,
        lab,
        [spec, "--node", "worker-1", "--backend", "nftables"],
        nobody,
      );
      expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
      expect(status).toBe(0);
      expect(report.privileges.isRoot).toBe(false);
      expect(report.unseen.join("\n")).toMatch(/rules of nftables: this needs root/);
      expect(report.unseen.join("\n")).toMatch(/rules of iptables, flavour nft, ipv4: this needs root/);
    });
  });

  it("that lacks what an artifact needs is told what and for which service", { timeout: 30_000 }, async (context) => {
    if (trouble !== null) return skipFor(context, trouble);
    await inNamespace(async (agent, lab) => {
      // nothing but a folder without programs in place of nft, and of all that is in its folder
      const hidden = [
        "unshare",
        "--mount",
        "--",
        "sh",
        "-c",
        'mount --bind /dev/null /usr/sbin/nft && exec "$@"',
        "sh",
      ];
      const { status, report } = await examine(
        agent,
        lab,
        [spec, "--node", "worker-1", "--backend", "nftables"],
        hidden,
      );
      expect(status).toBe(1);
      expect(codes(report.findings.filter(({ severity }) => severity === "error"))).toEqual(["error requirement/tool"]);
      const [finding] = report.findings;
      expect(finding?.what).toBe("there is no program nft on this node");
      expect(finding?.help).toBe("apt-get install nftables");
      expect(report.backends.nftables).toEqual({ usable: false, reason: "there is no program nft" });
    });
  });
});
