import type { Fraction } from "../net/fraction.ts";
import type { BackendName } from "./backend.ts";
import type { Condition } from "./condition.ts";
import type { Packet } from "./packet.ts";
import type { End, Surroundings } from "./simulation.ts";

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
  /** The rules that matched, in order; made when asked for. */
  path(): readonly PathStep[];
  /** What the kernel remembers of the client afterwards: `send` takes it for the client's next connection. */
  readonly memory: Memory;
}

/** The affinity state of one backend; opaque outside of it. */
export type Memory = unknown;

/** A node with one backend's program loaded. */
export interface Simulator {
  /** Follows the first packet of a connection. Without `memory` no client is known. */
  send(packet: Packet, memory?: Memory): readonly Way[];
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
