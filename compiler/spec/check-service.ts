import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { rangeHas } from "../net/port.ts";
import { reachableFamilies } from "./families.ts";
import { splitRepeated } from "./repeated.ts";
import type { ServiceSpec, Spec } from "./schema.ts";

/** What is wrong with one service on its own: its ports, endpoints and settings that have no effect. */
export function checkService(service: ServiceSpec, spec: Spec): readonly Diagnostic[] {
  return [
    ...checkPorts(service, spec),
    ...checkEndpoints(service),
    ...checkReachable(service),
    ...checkScheduler(service, spec),
  ];
}

function checkPorts(service: ServiceSpec, { cluster }: Spec): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  if (service.ports.length === 0) {
    findings.push(
      diagnostic(
        "spec/no-port",
        { service: service.name },
        { at: service.origin, help: "add a line like `port http tcp 80`" },
      ),
    );
  }
  const byName = new Map<string, ServiceSpec["ports"][number]>();
  for (const port of service.ports) {
    const first = byName.get(port.name);
    if (first === undefined) byName.set(port.name, port);
    else {
      findings.push(
        diagnostic(
          "spec/duplicate-port",
          { port: port.name === "" ? "without a name" : port.name, service: service.name },
          {
            at: port.origin,
            notes: [{ message: "first declared here", location: first.origin }],
            help: "give each port of a service its own name",
          },
        ),
      );
    }
    const range = cluster.nodePortRange;
    if (port.nodePort !== null && range !== null && !rangeHas(range, port.nodePort)) {
      findings.push(
        diagnostic(
          "spec/node-port-outside-range",
          { port: port.nodePort, first: range.first, last: range.last },
          { at: port.origin, help: `choose a port from ${range.first} to ${range.last}` },
        ),
      );
    }
  }
  return findings;
}

function checkEndpoints(service: ServiceSpec): readonly Diagnostic[] {
  const families = reachableFamilies(service);
  // Kubernetes may list an address in several slices; there the first counts. In our own language it is a slip.
  const own = service.endpoints.filter((endpoint) => endpoint.ports === null);
  return [
    ...service.endpoints
      .filter((endpoint) => !families.has(endpoint.address.family))
      .map(({ address, origin }) =>
        diagnostic(
          "spec/family-without-vip",
          { address: address.text, service: service.name, family: address.family },
          { at: origin, help: "give the service a VIP of that family, or remove the endpoint" },
        ),
      ),
    ...splitRepeated(own, (endpoint) => endpoint.address.text).repeated.map(({ item, first }) =>
      diagnostic(
        "spec/duplicate-endpoint",
        { address: item.address.text, service: service.name },
        {
          at: item.origin,
          notes: [{ message: "first listed here", location: first.origin }],
          help: "use `weight` to give an endpoint more than one share",
        },
      ),
    ),
  ];
}

function checkReachable(service: ServiceSpec): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  const hasNodePort = service.ports.some((port) => port.nodePort !== null);
  const hasExternal = hasNodePort || service.externals.length > 0 || service.loadBalancers.length > 0;
  if (service.vips.length === 0 && !hasExternal) {
    findings.push(
      diagnostic(
        "spec/no-address",
        { service: service.name },
        { at: service.origin, help: "add a line like `vip 10.96.0.10`" },
      ),
    );
  }
  const policyAt = service.settingOrigins["external-policy"];
  if (service.externalPolicy === "local" && !hasExternal && policyAt !== undefined) {
    findings.push(
      diagnostic("spec/external-policy-unused", { service: service.name }, { at: policyAt, help: "remove the line" }),
    );
  }
  const healthAt = service.settingOrigins["health-check-port"];
  const hasHealthCheck = service.loadBalancers.length > 0 && service.externalPolicy === "local";
  if (service.healthCheckPort !== null && !hasHealthCheck && healthAt !== undefined) {
    findings.push(
      diagnostic("spec/health-check-port-unused", { service: service.name }, { at: healthAt, help: "remove the line" }),
    );
  }
  return findings;
}

function checkScheduler(service: ServiceSpec, { cluster }: Spec): readonly Diagnostic[] {
  const weights = new Set(service.endpoints.map((endpoint) => endpoint.weight).filter((weight) => weight > 0));
  if ((service.scheduler ?? cluster.ipvsScheduler) !== "rr" || weights.size < 2) return [];
  return [
    diagnostic(
      "spec/rr-ignores-weights",
      { service: service.name },
      {
        at: service.settingOrigins.scheduler ?? service.origin,
        help: "use `scheduler wrr`, or give all endpoints one weight",
      },
    ),
  ];
}
