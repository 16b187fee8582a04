import { formatSocket } from "../net/socket.ts";
import type { Operation, StaleFlow } from "./step.ts";

/**
 * For people: `10.96.0.10:53/udp -> 10.244.1.5:53`, `node port 30053/udp on IPv6, not translated`. `key` is the service
 * port's.
 */
export function describeFlow({ family, destination, port, endpoint }: StaleFlow, key: string | null): Operation {
  const where =
    destination === null
      ? `node port ${port}/udp${family === "ipv6" ? " on IPv6" : ""}`
      : `${formatSocket(destination, port)}/udp`;
  const name =
    endpoint === null ? `${where}, not translated` : `${where} -> ${formatSocket(endpoint.address, endpoint.port)}`;
  return { action: "delete", object: "flow", name, key };
}
