import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { Location } from "../source.ts";
import type { ServicePortSpec, ServiceSpec } from "./schema.ts";

interface Owner {
  readonly service: string;
  readonly origin: Location;
}

/** Nothing may be served twice: an address and port, a node port. */
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
    const [first, second] = inTextOrder(owner, { service: service.name, origin: port.origin });
    const parameters = { address: address.text, port: port.port, protocol: port.protocol, owner: first.service };
    return [
      diagnostic("spec/vip-port-taken", parameters, {
        at: second.origin,
        notes: [{ message: `first used here, by ${first.service}`, location: first.origin }],
        help:
          first.service === second.service
            ? "choose another port"
            : `choose another port or address, or add the endpoints to ${first.service}`,
      }),
    ];
  });
}

/** Within one file the second place is at fault, as people read; across files the order of names decides. */
function inTextOrder(owner: Owner, other: Owner): readonly [Owner, Owner] {
  const isReversed = owner.origin.file === other.origin.file && other.origin.start < owner.origin.start;
  return isReversed ? [other, owner] : [owner, other];
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
  const [first, second] = inTextOrder(owner, { service: service.name, origin: port.origin });
  return [
    diagnostic(
      "spec/node-port-taken",
      { port: nodePort, protocol: port.protocol, owner: first.service },
      {
        at: second.origin,
        notes: [{ message: `first used here, by ${first.service}`, location: first.origin }],
        help: "choose another node port",
      },
    ),
  ];
}
