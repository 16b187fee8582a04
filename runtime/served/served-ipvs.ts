import { printId } from "../../compiler/backends/ipvs/print-servers.ts";
import type { IpSet, IpvsProgram, SetElement, VirtualServer } from "../../compiler/backends/ipvs/program.ts";
import { formatSocket } from "../../compiler/net/socket.ts";
import { ownMarks } from "../preflight/own-marks.ts";
import { ServedCollector, type ServedFrontends, type Wanted } from "./served.ts";

/**
 * The frontends of IPVS: elements of the mapping sets lead packets to virtual servers, by address and port or by the
 * mark that the element gives them. Servers of weight 0 get no new connections.
 */
export function servedByIpvs(program: IpvsProgram, wanted: Wanted = "all"): ServedFrontends {
  const found = new ServedCollector();
  const byMark = new Map<number, VirtualServer>();
  const treatment = treatmentBits(program);
  for (const server of wanted === "all" ? program.virtualServers : []) {
    const { id } = server;
    if (id.kind === "mark") byMark.set(id.mark, server);
    else addServers(found.at({ ...id, family: id.address.family, key: server.key }).choices, server);
  }
  for (const set of program.sets) {
    if (!set.hasActions || (wanted === "node-ports" && set.kind !== "net-port")) continue;
    for (const element of set.elements) addElement(found, set, element, byMark, treatment);
  }
  return found.all();
}

/** Bits that an element's action sets beside the mark of a virtual server: masquerade, drop, reject. */
function treatmentBits(program: IpvsProgram): number {
  let bits = 0;
  for (const [bit, meaning] of ownMarks({ backend: "ipvs", program })) {
    if (meaning === "masqueraded" || meaning === "dropped" || meaning === "rejected") bits |= bit;
  }
  return bits >>> 0;
}

function addElement(
  found: ServedCollector,
  set: IpSet,
  element: SetElement,
  byMark: ReadonlyMap<number, VirtualServer>,
  treatment: number,
): void {
  if (element.kind !== "ip-port" && element.kind !== "net-port") return;
  const address = element.kind === "ip-port" ? element.address : null;
  const { protocol, port, comment, action } = element;
  const entry = found.at({ key: comment, family: set.family, address, protocol, port });
  const value = action?.value ?? 0;
  entry.leads.add(`${set.name}: 0x${value.toString(16)}`);
  const server = byMark.get((value & ~treatment) >>> 0);
  if (server !== undefined) addServers(entry.choices, server);
}

function addServers(choices: Map<string, string>, server: VirtualServer): void {
  const id = printId(server.id);
  for (const { address, port, weight } of server.realServers) {
    if (weight === 0) continue;
    const endpoint = formatSocket(address, port === 0 && server.id.kind === "address" ? server.id.port : port);
    choices.set(`${id} ${endpoint}`, endpoint);
  }
}
