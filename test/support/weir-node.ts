import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackendName } from "../../compiler/index.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { failureOf } from "../../runtime/lab/loaders.ts";
import type { TestPool } from "./lab.ts";
import { type NodeProxy, startNodeProxy } from "./node-proxy.ts";
import type { WeirCall, WeirEnded } from "./weir-call.ts";

/** A way to apply: a backend, and where there are two the flavour of its tools. */
export interface Way {
  readonly name: string;
  readonly backend: BackendName;
  readonly args: readonly string[];
}

export const ways = {
  nftables: { name: "nftables", backend: "nftables", args: ["--backend", "nftables"] },
  "iptables-nft": { name: "iptables-nft", backend: "iptables", args: ["--backend", "iptables", "--iptables", "nft"] },
  "iptables-legacy": {
    name: "iptables-legacy",
    backend: "iptables",
    args: ["--backend", "iptables", "--iptables", "legacy"],
  },
  "userspace-nft": {
    name: "userspace-nft",
    backend: "userspace",
    args: ["--backend", "userspace", "--iptables", "nft"],
  },
  "userspace-legacy": {
    name: "userspace-legacy",
    backend: "userspace",
    args: ["--backend", "userspace", "--iptables", "legacy"],
  },
  ipvs: { name: "ipvs", backend: "ipvs", args: ["--backend", "ipvs", "--no-fallback"] },
} as const satisfies Readonly<Record<string, Way>>;

export type WayName = keyof typeof ways;

/** A node in a namespace of its own, with a state folder, on which `weir` is run without a process for each command. */
export interface WeirNode {
  /** Its links and listeners. */
  readonly agent: Agent;
  readonly stateFolder: string;
  /** `weir` with these arguments and the node's state folder. */
  weir(command: string, ...args: readonly string[]): Promise<WeirEnded>;
  /** `weir proxy`, which follows what is applied on the node; started when it is asked for first. */
  proxy(): NodeProxy;
  /** Forgets all tracked connections. */
  forgetFlows(): Promise<void>;
  close(): Promise<void>;
}

export async function openWeirNode(test: TestPool): Promise<WeirNode> {
  const agent = await test.pool.node();
  const worker = await test.pool.helper(agent);
  const stateFolder = await mkdtemp(join(tmpdir(), "weir-state-"));
  let proxy: NodeProxy | null = null;
  return {
    agent,
    stateFolder,
    proxy: () => {
      proxy ??= startNodeProxy(agent, test.command, stateFolder);
      return proxy;
    },
    weir: async (command, ...args) => {
      const call: WeirCall = { args: [command, "--state", stateFolder, ...args], command: test.command };
      return (await worker.call(test.callModule, call)) as WeirEnded;
    },
    forgetFlows: async () => {
      await agent.run(["conntrack", "-F"]);
    },
    close: async () => {
      await proxy?.close();
      await test.pool.end(worker);
      await test.pool.end(agent);
      await rm(stateFolder, { recursive: true, force: true });
    },
  };
}

/** What a command said, for a failed test; null when it ended with the code. */
export function complaintAboutEnd(what: string, ended: WeirEnded, code = 0): string | null {
  if (ended.code === code) return null;
  return `${what}: exit ${ended.code}: ${(ended.stderr.trim() || ended.stdout.trim()).slice(0, 3000)}`;
}

const listings: readonly (readonly string[])[] = [
  ["nft", "list", "ruleset"],
  ["iptables-legacy-save"],
  ["ip6tables-legacy-save"],
  ["ipset", "list", "-n"],
  ["ip", "rule"],
  ["ip", "-6", "rule"],
  ["ip", "route", "show", "table", "30569"],
  ["ip", "-6", "route", "show", "table", "30569"],
];

/** Lines of the kernel's listings that speak of weir, or of its routing table; there are none after `weir cleanup`. */
export async function leftovers(agent: Agent): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const argv of listings) {
    const result = await agent.tryRun(argv);
    // no such table: nothing of ours in it
    if (failureOf(result) !== null) continue;
    const ours = /weir|30569/i;
    const isRoutes = argv.includes("route");
    lines.push(...result.stdout.split("\n").filter((line) => line.trim() !== "" && (isRoutes || ours.test(line))));
  }
  const servers = await agent.tryRun(["ipvsadm", "-Sn"]).catch(() => null);
  return [...lines, ...(servers?.status === 0 ? servers.stdout.split("\n").filter((line) => line !== "") : [])];
}
