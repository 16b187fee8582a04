import { printServerName } from "../../compiler/backends/ipvs/print-delta.ts";
import type { RealServer, VirtualServerId } from "../../compiler/backends/ipvs/program.ts";
import type { IpvsRequest, VirtualServerSettings } from "../../compiler/backends/step.ts";
import { addressWidth } from "../../compiler/net/address.ts";
import { formatSocket } from "../../compiler/net/socket.ts";
import { HostError } from "../host/error.ts";
import { familyOfServer } from "./ipvs.ts";

/** What a request is about: two requests with the same name change the same object. */
export function requestObject(request: IpvsRequest): string {
  switch (request.op) {
    case "new-service":
    case "set-service":
      return `virtual server ${printServerName(request.server.id)}`;
    case "delete-service":
      return `virtual server ${printServerName(request.id)}`;
    case "set-config":
      return "connection timeouts";
    default:
      return `real server ${formatSocket(request.real.address, request.real.port)} of ${printServerName(request.id)}`;
  }
}

const verbs = {
  "new-service": "add",
  "set-service": "change",
  "delete-service": "delete",
  "new-dest": "add",
  "set-dest": "change",
  "delete-dest": "delete",
  "set-config": "set",
} as const satisfies Record<IpvsRequest["op"], string>;

/** `add real server 10.244.1.5:8080 of 10.96.0.10:80/tcp` */
export function requestName(request: IpvsRequest): string {
  return `${verbs[request.op]} ${requestObject(request)}`;
}

/** As ipvsadm(8) has it: 31 days. The kernel multiplies seconds by its ticks and lets them overflow. */
const mostSeconds = 31 * 24 * 60 * 60;
const mostWeight = 65_535;

/** Throws HostError for what the kernel takes although it makes no sense, and what ipvsadm refuses. */
export function checkRequest(request: IpvsRequest): void {
  const reason = troubleWith(request);
  if (reason !== null) throw new HostError("refused", `cannot ${requestName(request)}: ${reason}`);
}

function troubleWith(request: IpvsRequest): string | null {
  switch (request.op) {
    case "new-service":
    case "set-service":
      return troubleWithId(request.server.id) ?? troubleWithSettings(request.server);
    case "new-dest":
    case "set-dest":
      return troubleWithReal(request.id, request.real);
    case "set-config": {
      const { tcp, tcpFin, udp } = request.timeouts;
      return [tcp, tcpFin, udp].every((seconds) => isWhole(seconds, 0, mostSeconds))
        ? null
        : `timeouts are whole seconds from 0 to ${mostSeconds}`;
    }
    default:
      return null;
  }
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && least <= value && value <= most;
}

/** A virtual server of port 0 takes every port, which only a persistent one may; weir has no use for it. */
function troubleWithId(id: VirtualServerId): string | null {
  if (id.kind === "mark") return isWhole(id.mark, 1, 0xffffffff) ? null : "a mark is a number from 1 to 0xffffffff";
  return isWhole(id.port, 1, 65_535) ? null : "it needs a port";
}

function troubleWithSettings({
  id,
  scheduler,
  schedulerFlags,
  persistence,
  onePacket,
}: VirtualServerSettings): string | null {
  if (schedulerFlags.length > 0 && scheduler !== "sh" && scheduler !== "mh") {
    return `scheduler ${scheduler} has no flags`;
  }
  if (onePacket && id.kind === "address" && id.protocol !== "udp") return "one-packet scheduling is for UDP";
  if (persistence === null) return null;
  if (!isWhole(persistence.timeoutSeconds, 1, mostSeconds)) {
    return `persistence is for 1 to ${mostSeconds} seconds, not ${persistence.timeoutSeconds}`;
  }
  const width = addressWidth(familyOfServer(id));
  return isWhole(persistence.prefixLength, 1, width) ? null : `clients are told apart by 1 to ${width} leading bits`;
}

function troubleWithReal(id: VirtualServerId, real: RealServer): string | null {
  const { address, port, method, weight, upperThreshold, lowerThreshold } = real;
  if (!isWhole(port, 1, 65_535)) return "it needs a port";
  if (address.family !== familyOfServer(id) && method.kind !== "tunnel") {
    return "only a tunnel leads to a server of the other address family";
  }
  if (!isWhole(weight, 0, mostWeight)) return `weights are from 0 to ${mostWeight}, not ${weight}`;
  if (!isWhole(upperThreshold, 0, 0xffffffff) || !isWhole(lowerThreshold, 0, 0xffffffff)) {
    return "thresholds are numbers of connections";
  }
  if (upperThreshold > 0 && lowerThreshold > upperThreshold) return "the lower threshold is above the upper one";
  if (method.kind !== "tunnel") return null;
  if (method.type === "gue") return method.port === null ? "a gue tunnel needs a port" : null;
  return method.port === null ? null : `a tunnel of type ${method.type} has no port`;
}
