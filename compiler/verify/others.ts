import type { BackendName } from "../backends/backend.ts";
import type { Outcome, Packet } from "../backends/packet.ts";
import type { OtherKind } from "../backends/simulation.ts";
import type { OtherWay } from "../backends/simulator.ts";
import { routeFor, sourceClassOf } from "../ir/decide.ts";
import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { isNodeAddress } from "../ir/lookup.ts";
import type { IpAddress } from "../net/address.ts";
import { serverComplaint } from "./compare-servers.ts";
import { traceComplaint } from "./traces.ts";

/**
 * Packets that are not the first of a connection, of which few are needed: rules ask for the state of a connection in
 * fixed places, not service by service. What is told by service (which server a later packet belongs to, which addresses
 * get errors of ICMP) is tried for each.
 */
export class OtherPackets {
  readonly #ir: NodeIr;
  readonly #backend: BackendName;
  readonly #tried = new Set<string>();
  readonly #served: ReadonlySet<string>;
  #last: { readonly destination: string; readonly tried: Set<string> } | null = null;

  constructor(ir: NodeIr, backend: BackendName) {
    this.#ir = ir;
    this.#backend = backend;
    const frontends = [...ir.frontends.ipv4, ...ir.frontends.ipv6];
    this.#served = new Set(frontends.flatMap(({ address }) => (address === null ? [] : [address.text])));
  }

  /** The kinds that are to be tried with this packet's addresses. */
  kindsFor(packet: Packet, frontend: IrFrontend | null, { verdict }: Outcome): readonly OtherKind[] {
    const { protocol, destination, port, source } = packet;
    const from = sourceClassOf(this.#ir, packet);
    const kinds: OtherKind[] = [];
    const shape = `${destination.family} ${frontend?.kind ?? "nobody"} ${verdict} ${from}`;
    const hasServers = this.#backend === "ipvs" || this.#backend === "userspace";
    const place =
      hasServers && frontend !== null ? `${destination.text} ${protocol} ${port} ${from} ${verdict}` : shape;
    if (this.#isFirst(place)) kinds.push("later");
    if (this.#isFirst(`${shape} ${protocol}`)) kinds.push("reply", "translated");
    const tried = this.#triedWith(destination);
    const error = isNodeAddress(this.#ir, source) ? "own error" : "error";
    const isNodePort = frontend !== null && frontend.address === null;
    if (isNodePort ? this.#isFirst(`icmp-error ${shape}`) : isNew(tried, error)) kinds.push("icmp-error");
    if (isNew(tried, from === "node" ? "own ping" : "ping")) kinds.push("icmp");
    return kinds;
  }

  #isFirst(key: string): boolean {
    return isNew(this.#tried, key);
  }

  /** Classes of one destination come one after the other. */
  #triedWith(destination: IpAddress): Set<string> {
    if (this.#last?.destination !== destination.text) this.#last = { destination: destination.text, tried: new Set() };
    return this.#last.tried;
  }

  /**
   * What is wrong with the way of such a packet, as a phrase; null when nothing is. `isLetIn`: the first packet of its
   * connection would have reached an endpoint.
   */
  complaint(
    packet: Packet,
    kind: OtherKind,
    frontend: IrFrontend | null,
    way: OtherWay,
    isLetIn: boolean,
    foreignMark: number,
  ): string | null {
    if (way.end.kind !== "pass") return way.end.kind === "translated" ? "it is sent elsewhere" : `${way.end.kind}`;
    const isForServer = kind === "later" ? frontend !== null : kind === "icmp-error" && this.#isServed(packet);
    if (isForServer && way.reachesIpvs === false) return "IPVS, which knows its connection, does not get it";
    if (!isForServer && way.reachesIpvs === true) return "IPVS gets it, and has no connection for it";
    if (way.traces !== null) {
      const found = traceComplaint(this.#backend, way.traces, isForServer, foreignMark);
      if (found !== null) return found;
    }
    if (kind !== "later" || frontend === null) return null;
    const { pool } = routeFor(frontend, sourceClassOf(this.#ir, packet));
    const isKnown = way.server !== null || this.#backend === "ipvs";
    // the proxy's listener is found by the connection's first packet, which may be none that source ranges let in
    if (!isKnown && !isLetIn) return null;
    return serverComplaint(this.#backend, this.#ir, frontend, pool, way.server);
  }

  #isServed({ destination }: Packet): boolean {
    return this.#served.has(destination.text);
  }
}

/** Whether it was not there; it is afterwards. */
function isNew(set: Set<string>, key: string): boolean {
  const { size } = set;
  return set.add(key).size > size;
}
