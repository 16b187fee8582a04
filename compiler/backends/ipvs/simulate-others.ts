import type { Walk } from "../iptables/simulate.ts";
import type { IptablesPlace } from "../iptables/simulate-index.ts";
import type { Packet } from "../packet.ts";
import {
  type End,
  type Flow,
  flowOf,
  isFromNode,
  isLocal,
  type OtherKind,
  placesOf,
  type Surroundings,
  type Traces,
} from "../simulation.ts";
import type { IpvsProgram, RealServer, VirtualServer } from "./program.ts";
import { isDelivered, isRefused, sentOn, virtualServerOf, type World, worldOf } from "./simulate.ts";

/** One way of a packet that is not the first of a connection to a service. */
export interface OtherBranch {
  readonly end: End;
  readonly traces: Traces | null;
  /** null where IPVS sees every packet, marked or not, and this one is not marked. */
  readonly reachesIpvs: boolean | null;
  /** The one that its connection was made by. */
  readonly virtualServer: VirtualServer | null;
  readonly path: readonly IptablesPlace[];
}

/**
 * Follows a packet that IPVS does not schedule: it belongs to a connection that IPVS has, or has not, and so IPVS must
 * see it, or must not. Where it sees it, it sends it on to a server, past the rules of OUTPUT and POSTROUTING.
 * Source: net/netfilter/ipvs/ip_vs_core.c, ip_vs_in and ip_vs_in_icmp.
 */
export function simulateOther(
  program: IpvsProgram,
  surroundings: Surroundings,
  packet: Packet,
  kind: OtherKind,
): readonly OtherBranch[] {
  const flow = flowOf(kind, false);
  const { world, start } = worldOf(program, surroundings, packet, flow);
  if (world === null) return [untouched(start, surroundings.mark ?? 0)];
  const { traveller } = world;
  const isOwn = isFromNode(surroundings, packet);
  const before = isOwn
    ? traveller.hook("OUTPUT", [start], ["raw", "mangle", "nat"])
    : traveller.hook("PREROUTING", [start]);
  return before.flatMap((walk) => {
    if (isRefused(walk)) return [branchOf(walk, null, null)];
    const isSeen = isOwn || isDelivered(world, walk.state);
    const isMarked = walk.state.mark !== start.state.mark;
    const isForNode = isOwn || isLocal(surroundings, walk.state.destination);
    const reaches = isForNode && !isMarked ? null : isSeen && isMarked;
    const here = isOwn || !isSeen ? [walk] : traveller.hook("INPUT", [walk]);
    return here.flatMap((each) => {
      if (isRefused(each)) return [branchOf(each, null, null)];
      const server = virtualServerOf(program, each.state);
      return onwards(world, each, isSeen, server, flow).map((passed) => ({
        ...branchOf(passed.walk, reaches, server),
        ...(passed.isHere ? { traces: null } : {}),
      }));
    });
  });
}

function onwards(
  world: World,
  walk: Walk,
  isSeen: boolean,
  server: VirtualServer | null,
  { state, isTranslated, isReply }: Flow,
): readonly Onwards[] {
  const { traveller, surroundings } = world;
  const isOwn = isFromNode(surroundings, walk.state.original);
  const isOfConnection = isSeen && state !== "NEW" && !isTranslated && !isReply;
  const isLeaving = (real: RealServer) => isOwn || !isLocal(surroundings, real.address);
  const away = isOfConnection ? server?.realServers.find(isLeaving) : undefined;
  if (away !== undefined) return sentOn(world, walk, away).map((sent) => ({ walk: sent, isHere: false }));
  const isMarked = walk.state.mark !== (surroundings.mark ?? 0);
  // an error that comes to the node ends in its kernel
  if (isSeen && !isOwn) return [{ walk, isHere: isOfConnection && (isMarked || state === "RELATED") }];
  const filtered = isOwn ? traveller.hook("OUTPUT", [walk], ["filter"]) : traveller.hook("FORWARD", [walk]);
  return traveller.hook("POSTROUTING", filtered).map((passed) => ({ walk: passed, isHere: false }));
}

interface Onwards {
  readonly walk: Walk;
  /** It is for a server on this node, and past all rules. */
  readonly isHere: boolean;
}

function branchOf(walk: Walk, reachesIpvs: boolean | null, virtualServer: VirtualServer | null): OtherBranch {
  const { verdict, trail, state } = walk;
  const isEnded = verdict === "drop" || verdict === "reject";
  return {
    end: { kind: isEnded ? verdict : "pass" },
    traces: isEnded ? null : { mark: state.mark, classId: 0, isAccepted: state.isAccepted },
    reachesIpvs,
    virtualServer,
    path: placesOf(trail),
  };
}

function untouched(walk: Walk, mark: number): OtherBranch {
  return {
    end: { kind: "pass" },
    traces: { mark, classId: 0, isAccepted: false },
    reachesIpvs: false,
    virtualServer: null,
    path: placesOf(walk.trail),
  };
}
