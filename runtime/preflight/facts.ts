import type { Family } from "../../compiler/net/address.ts";
import type { Protocol } from "../../compiler/net/port.ts";

/** What a node is and has, as far as this process may see it. Plain data: made by `probeNode`, printed by doctor. */
export interface NodeFacts {
  readonly kernel: KernelFacts;
  readonly privileges: PrivilegeFacts;
  readonly modules: ModuleFacts;
  /** By the names of `probedTools`. */
  readonly tools: Readonly<Record<string, ToolFacts>>;
  /** Values by name, `net.ipv4.ip_forward`; null when the kernel has no such setting (now). */
  readonly sysctls: Readonly<Record<string, string | null>>;
  readonly managers: readonly Manager[];
  readonly listeners: readonly Listener[];
  /** What could not be seen and why, in sentences: `foreign rules of iptables: permission denied`. */
  readonly unseen: readonly string[];
}

export interface KernelFacts {
  /** `6.1.0-18-amd64` */
  readonly release: string;
  /** `x86_64` */
  readonly architecture: string;
  /** What tells that this is a container, `docker`; null when nothing does. */
  readonly container: string | null;
  readonly hasIpv6: boolean;
}

export interface PrivilegeFacts {
  readonly isRoot: boolean;
  /** CAP_NET_ADMIN, over the network namespace that this process is in as far as can be told without trying. */
  readonly netAdmin: boolean;
  /** CAP_SYS_ADMIN: may make network namespaces, in which features are tried out. */
  readonly sysAdmin: boolean;
}

/**
 * loaded, built-in, loadable: by the kernel's own lists. blocked: loadable, but modprobe's configuration or
 * kernel.modules_disabled forbids it. works: no list has it, and something that needs it was tried with success.
 */
export type ModuleState = "loaded" | "built-in" | "loadable" | "blocked" | "works" | "missing" | "unknown";

export interface ModuleFacts {
  /** The lists of the running kernel's modules could be read; without them features have to be tried. */
  readonly hasLists: boolean;
  /** With `_` for `-`. */
  readonly loaded: ReadonlySet<string>;
  readonly builtIn: ReadonlySet<string>;
  readonly loadable: ReadonlySet<string>;
  /** kernel.modules_disabled */
  readonly isLoadingDisabled: boolean;
}

export interface ToolFacts {
  /** null when it is not installed. */
  readonly path: string | null;
  /** `1.0.6`; null when the tool does not tell. */
  readonly version: string | null;
}

/** Another program that manages traffic to services, or all rules of the node. */
export interface Manager {
  readonly name: ManagerName;
  /** How it was noticed: `process 812`, `chains KUBE-…`, `table ip kube-proxy`. Never empty. */
  readonly seenBy: readonly string[];
  readonly isRunning: boolean;
}

export type ManagerName =
  | "kube-proxy"
  | "keepalived"
  | "kube-router"
  | "cilium"
  | "calico"
  | "flannel"
  | "docker"
  | "firewalld"
  | "ufw";

/** A socket that receives connections or datagrams in this network namespace. */
export interface Listener {
  readonly family: Family;
  readonly protocol: Extract<Protocol, "tcp" | "udp">;
  /** Canonical text; `0.0.0.0` and `::` are every address. */
  readonly address: string;
  readonly port: number;
}
