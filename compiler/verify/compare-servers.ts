import type { BackendName } from "../backends/backend.ts";
import { keptScheduler } from "../backends/declared.ts";
import type { ServerEndpoint, ServerFacts } from "../backends/simulator.ts";
import type { IrFrontend, IrPool, NodeIr } from "../ir/ir.ts";
import { compareText } from "../net/order.ts";
import { formatSocket } from "../net/socket.ts";

/**
 * What of a server is not what the spec says, as a phrase; null when all is. `seen` null: no server has the frontend's
 * connections, which is right where the rules spread by themselves.
 */
export function serverComplaint(
  backend: BackendName,
  ir: NodeIr,
  frontend: IrFrontend,
  pool: IrPool,
  seen: ServerFacts | null,
): string | null {
  if (backend !== "ipvs" && backend !== "userspace") return null;
  // where all are drained there may be no way to their server
  if (pool.endpoints.length === 0 && (seen === null || pool.drained.length === 0)) return null;
  if (seen === null) return "no server has its connections";
  const expected = backend === "ipvs" ? ipvsFacts(ir, frontend, pool) : proxyFacts(frontend, pool);
  const isByHash = frontend.affinity !== null && seen.scheduler === "mh" && seen.schedulerFlags.join() === "fallback";
  const [want, got] = [settingWords(expected, isByHash), settingWords(seen, isByHash)];
  if (want !== got) return `its server has ${got}, not ${want}`;
  const [wanted, found] = [endpointWords(expected.endpoints), endpointWords(seen.endpoints)];
  const other = found.find((word, at) => word !== wanted[at]) ?? wanted[found.length];
  return other === undefined ? null : `its server has ${found.join(", ")}, not ${wanted.join(", ")}`;
}

/** Virtual servers by mark hash the client where they cannot remember it, which was said when they were made. */
function settingWords({ scheduler, schedulerFlags, onePacket, timeouts }: ServerFacts, isByHash: boolean): string {
  const flags = [...schedulerFlags].sort(compareText).join(" ");
  const chosen = isByHash ? "a hash of the client" : `the scheduler ${scheduler} ${flags}`;
  const { tcp, tcpFin, udp } = timeouts;
  return `${chosen}, ${onePacket ? "one packet each, " : ""}timeouts ${tcp} ${tcpFin} ${udp}`;
}

function endpointWords(endpoints: readonly ServerEndpoint[]): readonly string[] {
  return endpoints
    .map(
      ({ address, port, weight, upperThreshold, lowerThreshold, forwarding }) =>
        `${formatSocket(address, port)} ${weight} ${upperThreshold} ${lowerThreshold} ${forwarding}`,
    )
    .sort(compareText);
}

function ipvsFacts(ir: NodeIr, frontend: IrFrontend, pool: IrPool): ServerFacts {
  const { forwarding, protocol, scheduler = null, schedulerFlags, onePacket } = frontend;
  const method =
    forwarding.method === "tunnel"
      ? ["tunnel", forwarding.type, ...(forwarding.port === null ? [] : [forwarding.port])].join(" ")
      : forwarding.method;
  const chosen = scheduler ?? ir.ipvs.defaultScheduler;
  return {
    scheduler: chosen,
    schedulerFlags: chosen === "sh" || chosen === "mh" ? schedulerFlags : [],
    // the kernel translates no replies of connections that it does not keep
    onePacket: onePacket && protocol === "udp" && forwarding.method !== "nat",
    endpoints: [...pool.endpoints, ...pool.drained].map((one) => ({ ...one, forwarding: method })),
    timeouts: {
      tcp: ir.ipvs.tcpTimeoutSeconds,
      tcpFin: ir.ipvs.tcpFinTimeoutSeconds,
      udp: ir.ipvs.udpTimeoutSeconds,
    },
  };
}

/** The proxy has no thresholds, forwards in one way, and forgets as sockets do. */
function proxyFacts(frontend: IrFrontend, pool: IrPool): ServerFacts {
  const plain = { upperThreshold: 0, lowerThreshold: 0, forwarding: "nat" };
  return {
    scheduler: keptScheduler("userspace", frontend),
    schedulerFlags: [],
    onePacket: false,
    endpoints: [
      ...pool.endpoints.map((one) => ({ ...one, ...plain })),
      ...pool.drained.map((one) => ({ ...one, ...plain, weight: 0 })),
    ],
    timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
  };
}
