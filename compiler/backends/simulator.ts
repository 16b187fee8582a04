import type { IpAddress } from "../net/address.ts";
import type { Fraction } from "../net/fraction.ts";
import type { Port } from "../net/port.ts";
import type { Scheduler, SchedulerFlag } from "../spec/schema.ts";
import type { BackendName } from "./backend.ts";
import type { Condition } from "./condition.ts";
import type { Packet } from "./packet.ts";
import type { End, OtherKind, Surroundings, Traces } from "./simulation.ts";

/** A rule that a packet met, as people find it in the kernel's listing and in the artifact. */
export interface PathStep {
  /** Where it stands: `nat WEIR-ADDRESSES`, `ip weir services`, `virtual server`, `listener`. */
  readonly place: string;
  /** As the artifact prints it. */
  readonly rule: string;
  /** The service port that it belongs to, `shop/web:http`; null for rules that serve all. */
  readonly key: string | null;
}

/** One way that a packet may take, whatever the backend. */
export interface Way {
  /** null where it depends on load or hashes. */
  readonly share: Fraction | null;
  readonly end: End;
  /** null where it ends here, or has come to a process of the node that it was sent to. */
  readonly traces: Traces | null;
  /** The rules that matched, in order; made when asked for. */
  path(): readonly PathStep[];
  /** What the kernel remembers of the client afterwards: `send` takes it for the client's next connection. */
  readonly memory: Memory;
}

/** One way of a packet that is no first one; `pass`: it goes on as it was. */
export interface OtherWay extends Pick<Way, "end" | "traces" | "path"> {
  /** Whether it comes to IPVS, which knows the connection; null where rules are all there is. */
  readonly reachesIpvs: boolean | null;
  /** Of packets that belong to a connection; null where rules alone spread. */
  readonly server: ServerFacts | null;
}

/** What a connection was made by, and what is not seen in the way of its first packet. */
export interface ServerFacts {
  readonly scheduler: Scheduler | null;
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly onePacket: boolean;
  /** Those that get nothing new too, with the weight 0. */
  readonly endpoints: readonly ServerEndpoint[];
  /** Seconds without a packet until a connection is forgotten; 0 is what the kernel has. */
  readonly timeouts: { readonly tcp: number; readonly tcpFin: number; readonly udp: number };
}

export interface ServerEndpoint {
  readonly address: IpAddress;
  readonly port: Port;
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /** `nat`, `direct`, `tunnel ipip`, `tunnel gue 6080`. */
  readonly forwarding: string;
}

/** The affinity state of one backend; opaque outside of it. */
export type Memory = unknown;

/** A node with one backend's program loaded. */
export interface Simulator {
  /** Follows the first packet of a connection. Without `memory` no client is known; with it, since `secondsLater`. */
  send(packet: Packet, memory?: Memory, secondsLater?: number): readonly Way[];
  /** The same where nothing but sockets is there, for backends that can do without rules; null where they cannot tell. */
  sendWithoutRules?(packet: Packet): readonly Way[] | null;
  /** Follows a packet of another kind, with the addresses and the port of `packet`. */
  sendOther(packet: Packet, kind: OtherKind): readonly OtherWay[];
  /** The same clients, whose endpoints have left the pools since. */
  withoutEndpoints(memory: Memory): Memory;
  /** Whether a process of the backend itself listens where the packet goes as it is: then its rules must refuse it. */
  isForOwnListener(packet: Packet): boolean;
}

/** Opens programs of one backend; what is derived from a program is made once for many packets. */
export interface SimulatorKind<P> {
  open(program: P, surroundings: Surroundings): Simulator;
  /** Every boundary that the program's rules mention: packets that agree in all of them go the same way. */
  conditions(program: P): readonly Condition[];
}

/** Loads one backend's simulator, which no other command needs. */
export async function loadSimulator(name: BackendName): Promise<SimulatorKind<unknown>> {
  switch (name) {
    case "iptables":
      return (await import("./iptables/simulator.ts")).iptablesSimulator;
    case "ipvs":
      return (await import("./ipvs/simulator.ts")).ipvsSimulator;
    case "nftables":
      return (await import("./nftables/simulator.ts")).nftablesSimulator;
    case "userspace":
      return (await import("./userspace/simulator.ts")).userspaceSimulator;
  }
}
