import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { Location } from "../source.ts";
import type { ServicePortSpec, ServiceSpec } from "./schema.ts";

interface Owner {
  readonly service: string;
  readonly origin: Location;
}

/** Nothing may be served twice: an address and port, a node port. The first service by name keeps it. */
export function checkOwners(services: readonly ServiceSpec[]): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  const places = new Map<string, Owner>();
  const nodePorts = new Map<string, Owner>();
  for (const service of services) {
    for (const port of service.ports) {
      findings.push(...claimAddresses(service, port, places));
      if (port.nodePort !== null) findings.push(...claimNodePort(service, port, port.nodePort, nodePorts));
    }
  }
  return findings;
}

function claimAddresses(
  service: ServiceSpec,
  port: ServicePortSpec,
  places: Map<string, Owner>,
): readonly Diagnostic[] {
  const addresses = [...service.vips, ...service.externals, ...service.loadBalancers];
  return addresses.flatMap(({ address }) => {
    const place = `${address.text} ${port.protocol} ${port.port}`;
    const owner = places.get(place);
    if (owner === undefined) {
      places.set(place, { service: service.name, origin: port.origin });
      return [];
    }
    // The same address twice in one service is reported once, as such, and not for each of its ports.
    if (owner.origin === port.origin) return [];
    const parameters = { address: address.text, port: port.port, protocol: port.protocol, owner: owner.service };
    return [
      diagnostic("spec/vip-port-taken", parameters, {
        at: port.origin,
        notes: [{ message: `first used here, by ${owner.service}`, location: owner.origin }],
        help:
          owner.service === service.name
            ? "choose another port"
            : `choose another port or address, or add the endpoints to ${owner.service}`,
      }),
    ];
  });
}

function claimNodePort(
  service: ServiceSpec,
  port: ServicePortSpec,
  nodePort: number,
  nodePorts: Map<string, Owner>,
): readonly Diagnostic[] {
  const place = `${port.protocol} ${nodePort}`;
  const owner = nodePorts.get(place);
  if (owner === undefined) {
    nodePorts.set(place, { service: service.name, origin: port.origin });
    return [];
  }
  return [
    diagnostic(
      "spec/node-port-taken",
      { port: nodePort, protocol: port.protocol, owner: owner.service },
      {
        at: port.origin,
        notes: [{ message: `first used here, by ${owner.service}`, location: owner.origin }],
        help: "choose another node port",
      },
    ),
  ];
}
