import * as make from "../../grammar/builders.ts";
import type { EndpointOption, EndpointStatement, Line, ServiceBlock, ServiceStatement } from "../../grammar/nodes.ts";
import { compareNumbers } from "../net/order.ts";
import type { EndpointPortSpec, EndpointSpec, Forwarding, ServicePortSpec, ServiceSpec } from "./schema.ts";
import { addressLeaf, duration, line, number, prefixLeaf, word } from "./to-syntax-leaves.ts";

const { nowhere } = make;

/** A service and its endpoints as a block of the language. */
export function serviceBlock(service: ServiceSpec): ServiceBlock {
  const ports = withTargets(service);
  const endpoints = service.endpoints.flatMap((endpoint) => endpointStatement(endpoint, ports) ?? []);
  const groups: readonly (readonly ServiceStatement[])[] = [settings(service), ports.map(portStatement), endpoints];
  const lines: readonly Line<ServiceStatement>[] = groups
    .filter((group) => group.length > 0)
    .flatMap((group, at) => group.map((statement, index) => line(statement, at > 0 && index === 0)));
  return { ...make.service(nowhere, word(service.name)), lines };
}

function settings(service: ServiceSpec): readonly ServiceStatement[] {
  const statements: ServiceStatement[] = [];
  const value = (key: Parameters<typeof make.value>[1]["text"], text: string): void => {
    statements.push(make.value(nowhere, { text: key }, word(text)));
  };
  const vips = service.vips.map((vip) => addressLeaf(vip.address));
  if (vips.length > 0) statements.push(make.list(nowhere, { text: "vip" }, vips));
  const externals = service.externals.map((external) => addressLeaf(external.address));
  if (externals.length > 0) statements.push(make.list(nowhere, { text: "external" }, externals));
  for (const { address, allow } of service.loadBalancers) {
    const ranges = allow === null || allow.length === 0 ? null : allow.map(prefixLeaf);
    statements.push(make.loadBalancer(nowhere, [addressLeaf(address)], ranges));
  }
  if (service.scheduler !== null) {
    statements.push(make.scheduler(nowhere, word(service.scheduler), service.schedulerFlags.map(word)));
  }
  if (service.onePacket) statements.push(make.flag(nowhere, { text: "one-packet" }));
  if (service.affinity !== null) {
    const { timeoutSeconds, netmask } = service.affinity;
    const lengths = netmask === null ? null : word(`${netmask.ipv4}/${netmask.ipv6}`);
    statements.push(make.affinity(nowhere, duration(timeoutSeconds), lengths));
  }
  if (service.internalPolicy !== "cluster") value("internal-policy", service.internalPolicy);
  if (service.externalPolicy !== "cluster") value("external-policy", service.externalPolicy);
  if (service.traffic !== null) value("traffic", service.traffic);
  if (service.forwarding.method !== "nat") statements.push(forwardStatement(service.forwarding));
  if (service.healthCheckPort !== null) {
    statements.push(make.value(nowhere, { text: "health-check-port" }, number(service.healthCheckPort)));
  }
  if (service.allowedWarnings.length > 0) {
    statements.push(make.allowWarning(nowhere, service.allowedWarnings.map(word)));
  }
  return statements;
}

function forwardStatement(forwarding: Forwarding): ServiceStatement {
  if (forwarding.method !== "tunnel") return make.forward(nowhere, word(forwarding.method), null, null);
  const port = forwarding.port === null ? null : number(forwarding.port);
  return make.forward(nowhere, word("tunnel"), word(forwarding.type), port);
}

/**
 * The service's ports with the target port that most endpoints use. Endpoints of Kubernetes all name their ports;
 * said once at the port, they need no word about them. Endpoints that rely on the target port keep it as it is.
 */
function withTargets(service: ServiceSpec): readonly ServicePortSpec[] {
  if (service.endpoints.length === 0 || service.endpoints.some((endpoint) => endpoint.ports === null))
    return service.ports;
  return service.ports.map((port) => {
    const counts = new Map<number, number>();
    for (const endpoint of service.endpoints) {
      const own = portOf(endpoint.ports ?? [], port);
      if (own !== undefined) counts.set(own.port, (counts.get(own.port) ?? 0) + 1);
    }
    const [most] = [...counts].sort((a, b) => compareNumbers(b[1], a[1]) || compareNumbers(a[0], b[0]));
    return most === undefined ? port : { ...port, targetPort: most[0] };
  });
}

function portOf(ports: readonly EndpointPortSpec[], port: ServicePortSpec): EndpointPortSpec | undefined {
  return ports.find((own) => own.name === port.name && own.protocol === port.protocol);
}

function portStatement(port: ServicePortSpec): ServiceStatement {
  return make.port(
    nowhere,
    port.name === "" ? null : word(port.name),
    word(port.protocol),
    number(port.port),
    port.targetPort === port.port ? null : number(port.targetPort),
    port.nodePort === null ? null : number(port.nodePort),
  );
}

/** Null for an endpoint that serves none of the ports: it has no effect, and the language has no words for it. */
function endpointStatement(endpoint: EndpointSpec, ports: readonly ServicePortSpec[]): EndpointStatement | null {
  const options: EndpointOption[] = [];
  const value = (key: string, leaf: ReturnType<typeof word>): void => {
    options.push(make.valueOption(word(key), leaf));
  };
  if (endpoint.node !== null) value("on", word(endpoint.node));
  if (endpoint.weight !== 1) value("weight", number(endpoint.weight));
  for (const state of stateWords(endpoint)) options.push(make.flagOption(word(state)));
  if (endpoint.ports !== null) {
    const served = ports.flatMap((port) => {
      const own = portOf(endpoint.ports ?? [], port);
      return own === undefined ? [] : [{ port, number: own.port }];
    });
    if (served.length === 0) return null;
    if (served.length < ports.length || served.some(({ port, number: own }) => own !== port.targetPort)) {
      const nodes = served.map(({ port, number: own }) =>
        make.endpointPort(port.name === "" ? null : word(port.name), number(own)),
      );
      options.push(make.portsOption(word("port"), nodes));
    }
  }
  const { zones, nodes } = endpoint.hints ?? { zones: [], nodes: [] };
  if (zones.length > 0) options.push(make.namesOption(word("zone-hint"), zones.map(word)));
  if (nodes.length > 0) options.push(make.namesOption(word("node-hint"), nodes.map(word)));
  if (endpoint.upperThreshold > 0) value("max-connections", number(endpoint.upperThreshold));
  if (endpoint.lowerThreshold > 0) value("min-connections", number(endpoint.lowerThreshold));
  return make.endpoint(nowhere, addressLeaf(endpoint.address), options);
}

/** A ready endpoint serves, whatever else it is said to do. */
function stateWords({ ready, serving, terminating }: EndpointSpec): readonly string[] {
  if (ready) return terminating ? ["terminating"] : [];
  if (serving) return terminating ? ["draining"] : ["not-ready", "serving"];
  return terminating ? ["not-ready", "terminating"] : ["not-ready"];
}
