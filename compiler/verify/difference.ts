import type { BackendName } from "../backends/backend.ts";
import type { Choice, Outcome, Packet } from "../backends/packet.ts";
import type { Ending, OtherKind } from "../backends/simulation.ts";
import type { PathStep } from "../backends/simulator.ts";
import type { IpAddress } from "../net/address.ts";
import type { Location } from "../source.ts";

/** One way that the rules let a packet take. */
export interface SeenWay extends Ending {
  readonly path: readonly PathStep[];
}

/** A packet that the rules do not treat as the spec means. */
export interface Difference {
  readonly backend: BackendName;
  readonly packet: Packet;
  /** The endpoint that the client had before, where the difference shows only then. */
  readonly remembered: Choice | null;
  /** The client that had it, where it is not the packet's; null where it is. */
  readonly client: IpAddress | null;
  /** Whether that endpoint has left the pool since. */
  readonly isGone: boolean;
  readonly expected: Outcome;
  /** How long ago that was. */
  readonly secondsLater: number;
  /** The service's place in the spec; null where no service is concerned. */
  readonly origin: Location | null;
  readonly got: readonly SeenWay[];
  /** The packet is not the first of a connection but one of these. */
  readonly other: OtherKind | null;
  /** What is wrong beside where it ends; null for nothing. */
  readonly complaint: string | null;
  /** Why the rules cannot be followed at all; null where they can. */
  readonly broken: string | null;
}

export interface VerifyReport {
  readonly backend: BackendName;
  /** Classes of packets that were decided and followed; a client that is remembered is a class of its own. */
  readonly classes: number;
  /** How many of them differ. */
  readonly differing: number;
  /** The first ones of them. */
  readonly differences: readonly Difference[];
}
