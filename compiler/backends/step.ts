import type { Family, IpAddress, Prefix } from "../net/address.ts";
import type { Port } from "../net/port.ts";
import type {
  IpvsTimeouts,
  LocalRouting,
  RealServer,
  RoutingRule,
  Sysctl,
  VirtualServer,
  VirtualServerId,
} from "./ipvs/program.ts";

/** A change of one object of the kernel, for people and for JSON. What is executed stands beside it in its step. */
export interface Operation {
  /** `load`: a whole table at once, with everything in it; `replace`: an object that was there with another content. */
  readonly action: "add" | "replace" | "delete" | "load";
  /** What it is, in the kernel's words: `table`, `chain`, `jump`, `element`, `virtual server`, `real server`, … */
  readonly object: string;
  /** As listings have it: `pool 10.96.0.10 . tcp . 80 . 3`, `10.96.0.10:80/tcp -> 10.244.1.5:8080`. */
  readonly name: string;
  /** The service port that it serves, `shop/web:http`; null where that is not known, or it serves all. */
  readonly key: string | null;
}

/** A virtual server without its real servers. */
export type VirtualServerSettings = Omit<VirtualServer, "realServers">;

/** One request to IPVS. Every one is safe to repeat: see runtime/netlink for which errors count as done. */
export type IpvsRequest =
  | { readonly op: "new-service" | "set-service"; readonly server: VirtualServerSettings }
  | { readonly op: "delete-service"; readonly id: VirtualServerId }
  | { readonly op: "new-dest" | "set-dest"; readonly id: VirtualServerId; readonly real: RealServer }
  | {
      readonly op: "delete-dest";
      readonly id: VirtualServerId;
      readonly real: { readonly address: IpAddress; readonly port: Port };
    }
  | { readonly op: "set-config"; readonly timeouts: IpvsTimeouts };

/** Policy routing of one family; `routes` are local routes of the rule's table. */
export type RoutingChange =
  | { readonly op: "add-rule" | "delete-rule"; readonly family: Family; readonly rule: RoutingRule }
  | {
      readonly op: "add-local-route" | "delete-local-route";
      readonly family: Family;
      readonly table: LocalRouting["rule"]["table"];
      readonly prefix: Prefix;
    };

/**
 * UDP flows that would go on to where they went before: an endpoint that left, or a frontend that had none.
 * Matched against the original direction of a connection tracking entry, and for `endpoint` the source of its replies.
 */
export interface StaleFlow {
  readonly family: Family;
  /** What clients send to; null for a node port, which has many addresses. */
  readonly destination: IpAddress | null;
  readonly port: Port;
  /** null: every flow of the frontend that is not translated. */
  readonly endpoint: { readonly address: IpAddress; readonly port: Port } | null;
}

export type IptablesFlavour = "nft" | "legacy";

interface StepBase {
  /** What it changes, in the order of execution. */
  readonly operations: readonly Operation[];
}

/**
 * What is executed at once, by one run of a tool or one connection to the kernel. `input` is text in pieces.
 * An nft step is one transaction; an iptables step one transaction for each table that it names.
 */
export type Step =
  /** `nft -f -` */
  | (StepBase & { readonly kind: "nft"; readonly input: readonly string[] })
  /** `iptables-restore --noflush` of the family; the flavour is null until the node is known. */
  | (StepBase & {
      readonly kind: "iptables";
      readonly family: Family;
      readonly flavour: IptablesFlavour | null;
      readonly input: readonly string[];
    })
  /** `ipset restore` */
  | (StepBase & { readonly kind: "ipset"; readonly input: readonly string[] })
  | (StepBase & { readonly kind: "ipvs"; readonly requests: readonly IpvsRequest[] })
  | (StepBase & { readonly kind: "routing"; readonly changes: readonly RoutingChange[] })
  | (StepBase & { readonly kind: "sysctl"; readonly values: readonly Sysctl[] })
  | (StepBase & { readonly kind: "flows"; readonly flows: readonly StaleFlow[] });

export type StepKind = Step["kind"];
