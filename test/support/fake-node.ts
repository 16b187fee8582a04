import { HostError } from "../../runtime/host/error.ts";
import type { CommandResult, Host } from "../../runtime/host/host.ts";
import type { NodeFacts } from "../../runtime/preflight/facts.ts";
import type { Machine } from "../../runtime/preflight/machine.ts";

/** A node that is nothing but answers: files by path, programs by their command line. */
export interface FakeNode {
  readonly files?: Readonly<Record<string, string>>;
  /** By `argv` joined with blanks; a program that is named without arguments answers all of them. */
  readonly programs?: Readonly<Record<string, Partial<CommandResult>>>;
  readonly folders?: Readonly<Record<string, readonly string[]>>;
  readonly links?: Readonly<Record<string, string>>;
}

export function fakeHost(node: FakeNode): Host & { readonly runs: readonly string[] } {
  const runs: string[] = [];
  const names = new Set(Object.keys(node.programs ?? {}).map((line) => line.split(" ")[0] ?? ""));
  return {
    runs,
    find: async (tool) => (names.has(tool) ? `/usr/sbin/${tool}` : null),
    run: async ({ argv }) => {
      const [tool = ""] = argv;
      const line = argv.join(" ");
      runs.push(line);
      const answer = node.programs?.[line] ?? node.programs?.[tool];
      if (answer === undefined) throw new HostError("tool-missing", `there is no program ${tool} on this node`);
      return { status: 0, stdout: "", stderr: "", ...answer };
    },
    read: async (path) => node.files?.[path] ?? null,
    write: async (path) => {
      throw new HostError("permission", `cannot write ${path}`);
    },
  };
}

export function fakeMachine(node: FakeNode): Machine {
  return {
    list: async (path) => node.folders?.[path] ?? [],
    link: async (path) => node.links?.[path] ?? null,
  };
}

/** A node on which nothing is wrong, with lists of modules that have none. */
export const plainFacts: NodeFacts = {
  kernel: { release: "6.1.0-18-amd64", architecture: "x64", container: null, hasIpv6: true },
  privileges: { isRoot: true, netAdmin: true, sysAdmin: true },
  modules: {
    hasLists: true,
    loaded: new Set(),
    builtIn: new Set(),
    loadable: new Set(),
    isLoadingDisabled: false,
  },
  tools: {
    nft: { path: "/usr/sbin/nft", version: "1.0.6" },
    "iptables-nft": { path: "/usr/sbin/iptables-nft", version: "1.8.9" },
    "ip6tables-nft": { path: "/usr/sbin/ip6tables-nft", version: "1.8.9" },
    ipset: { path: "/usr/sbin/ipset", version: "7.17" },
    ip: { path: "/usr/sbin/ip", version: "6.1.0" },
  },
  sysctls: { "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1" },
  managers: [],
  listeners: [],
  unseen: [],
};
