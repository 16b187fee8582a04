import type { PortStatement, ServiceBlock, ServiceStatement } from "../../grammar/nodes.ts";
import { protocols } from "../net/port.ts";
import { unreachable } from "../result.ts";
import type { Location } from "../source.ts";
import { type EndpointTarget, readEndpoint } from "./from-syntax-endpoint.ts";
import { addressesValue, prefixesValue } from "./from-syntax-lists.ts";
import { locate, report, type Scope } from "./from-syntax-scope.ts";
import {
  choiceValue,
  durationValue,
  nameValue,
  numberValue,
  portValue,
  serviceNameValue,
  warningCodeValue,
} from "./from-syntax-values.ts";
import type { Affinity, EndpointSpec, Forwarding, ServicePortSpec, ServiceSpec } from "./schema.ts";
import { schedulerFlags, schedulers } from "./words.ts";

type Draft = { -readonly [K in keyof ServiceSpec]: ServiceSpec[K] extends readonly (infer T)[] ? T[] : ServiceSpec[K] };

/** What kube-proxy takes where a Service gives no timeout: three hours. */
const defaultAffinitySeconds = 10800;

/** One service block; null when its name is none. Its origin is the header without the brace. */
export function readService(scope: Scope, block: ServiceBlock): ServiceSpec | null {
  const name = serviceNameValue(scope, block.name);
  const draft: Draft = {
    name: name ?? block.name.text,
    vips: [],
    externals: [],
    loadBalancers: [],
    scheduler: null,
    schedulerFlags: [],
    onePacket: false,
    affinity: null,
    internalPolicy: "cluster",
    externalPolicy: "cluster",
    traffic: null,
    forwarding: { method: "nat" },
    healthCheckPort: null,
    ports: [],
    endpoints: [],
    allowedWarnings: [],
    settingOrigins: {},
    origin: locate(scope, block),
  };
  const origins: Record<string, Location> = {};
  // Ports first: endpoints name them, wherever in the block they stand.
  for (const { statement } of block.lines) {
    const port = statement?.kind === "port" ? readPort(scope, statement) : null;
    if (port !== null) draft.ports.push(port);
  }
  const target: EndpointTarget = { service: draft.name, ports: portsByName(draft.ports) };
  for (const { statement } of block.lines) {
    if (statement === null || statement.kind === "port") continue;
    if (statement.kind === "endpoint") {
      const endpoint: EndpointSpec | null = readEndpoint(scope, statement, target);
      if (endpoint !== null) draft.endpoints.push(endpoint);
    } else readStatement(scope, statement, draft, origins);
  }
  draft.settingOrigins = origins;
  return name === null ? null : draft;
}

function portsByName(ports: readonly ServicePortSpec[]): ReadonlyMap<string, readonly ServicePortSpec[]> {
  const byName = new Map<string, ServicePortSpec[]>();
  for (const port of ports) {
    const known = byName.get(port.name);
    if (known === undefined) byName.set(port.name, [port]);
    else known.push(port);
  }
  return byName;
}

function readPort(scope: Scope, statement: PortStatement): ServicePortSpec | null {
  const port = portValue(scope, statement.port);
  const targetPort = statement.target === null ? port : portValue(scope, statement.target);
  const nodePort = statement.nodePort === null ? null : portValue(scope, statement.nodePort);
  const name = statement.name === null ? "" : nameValue(scope, statement.name, "port name", 63);
  const protocol = choiceValue(scope, statement.protocol, "protocol", protocols);
  if (port === null || targetPort === null || name === null || protocol === null) return null;
  return { name, protocol, port, targetPort, nodePort, origin: locate(scope, statement) };
}

/** Notes where a setting stands; a second one is an error, as only one of them can hold. */
function once(scope: Scope, statement: ServiceStatement, word: string, origins: Record<string, Location>): void {
  const before = origins[word];
  if (before === undefined) origins[word] = locate(scope, statement);
  else {
    const notes = [{ message: "first given here", location: before }];
    report(scope, statement, "syntax/repeated", { what: `\`${word}\`` }, { notes });
  }
}

function readStatement(
  scope: Scope,
  statement: Exclude<ServiceStatement, { kind: "port" | "endpoint" }>,
  draft: Draft,
  origins: Record<string, Location>,
): void {
  switch (statement.kind) {
    case "list": {
      const claims = statement.word === "vip" ? draft.vips : draft.externals;
      for (const { address, leaf } of addressesValue(scope, statement.values)) {
        claims.push({ address, origin: locate(scope, leaf) });
      }
      return;
    }
    case "load-balancer": {
      const allow = statement.allow === null ? null : prefixesValue(scope, statement.allow);
      for (const { address, leaf } of addressesValue(scope, statement.addresses)) {
        draft.loadBalancers.push({ address, allow, origin: locate(scope, leaf) });
      }
      return;
    }
    case "value":
      readValue(scope, statement, draft, origins);
      return;
    case "flag":
      once(scope, statement, statement.word, origins);
      draft.onePacket = true;
      return;
    case "scheduler":
      once(scope, statement, "scheduler", origins);
      readScheduler(scope, statement, draft);
      return;
    case "affinity":
      once(scope, statement, "affinity", origins);
      draft.affinity = readAffinity(scope, statement);
      return;
    case "forward":
      once(scope, statement, "forward", origins);
      draft.forwarding = readForwarding(scope, statement);
      return;
    case "allow-warning":
      draft.allowedWarnings.push(...statement.codes.flatMap((leaf) => warningCodeValue(scope, leaf) ?? []));
      return;
    default:
      unreachable(statement);
  }
}

function readValue(
  scope: Scope,
  statement: ServiceStatement & { kind: "value" },
  draft: Draft,
  origins: Record<string, Location>,
): void {
  const { word, value } = statement;
  once(scope, statement, word, origins);
  if (word === "internal-policy") draft.internalPolicy = value.text === "local" ? "local" : "cluster";
  else if (word === "external-policy") draft.externalPolicy = value.text === "local" ? "local" : "cluster";
  else if (word === "traffic") draft.traffic = value.text === "prefer-node" ? "prefer-node" : "prefer-zone";
  else if (word === "health-check-port") draft.healthCheckPort = portValue(scope, value);
}

function readScheduler(scope: Scope, statement: ServiceStatement & { kind: "scheduler" }, draft: Draft): void {
  draft.scheduler = choiceValue(scope, statement.name, "scheduler", schedulers);
  for (const leaf of statement.flags) {
    const flag = choiceValue(scope, leaf, "scheduler flag", schedulerFlags);
    if (flag === null) continue;
    if (draft.scheduler !== null && draft.scheduler !== "sh" && draft.scheduler !== "mh") {
      const reason = `scheduler ${draft.scheduler} has no flag \`${flag}\``;
      report(scope, leaf, "syntax/contradiction", { reason }, { help: "`fallback` and `port` are flags of sh and mh" });
    } else if (draft.schedulerFlags.includes(flag)) {
      report(scope, leaf, "syntax/repeated", { what: `\`${flag}\`` });
    } else draft.schedulerFlags.push(flag);
  }
}

function readAffinity(scope: Scope, statement: ServiceStatement & { kind: "affinity" }): Affinity | null {
  const { timeout, netmask } = statement;
  const timeoutSeconds = timeout === null ? defaultAffinitySeconds : durationValue(scope, timeout, 1, 86400);
  const lengths = netmask === null ? null : readNetmask(scope, netmask);
  return timeoutSeconds === null ? null : { timeoutSeconds, netmask: lengths };
}

/** `24` for IPv4 clients, `24/64` for those of both families. */
function readNetmask(
  scope: Scope,
  leaf: NonNullable<(ServiceStatement & { kind: "affinity" })["netmask"]>,
): Affinity["netmask"] {
  const parts = /^([0-9]+)(?:\/([0-9]+))?$/.exec(leaf.text);
  if (parts === null) {
    const help = "a prefix length for IPv4 clients, and one for IPv6: netmask 24/64";
    return report(scope, leaf, "syntax/unknown-value", { what: "netmask", text: leaf.text }, { help });
  }
  const ipv4 = numberValue(scope, { ...leaf, text: parts[1] ?? "" }, "IPv4 netmask", 1, 32);
  const ipv6 = numberValue(scope, { ...leaf, text: parts[2] ?? "128" }, "IPv6 netmask", 1, 128);
  return ipv4 === null || ipv6 === null ? null : { ipv4, ipv6 };
}

function readForwarding(scope: Scope, statement: ServiceStatement & { kind: "forward" }): Forwarding {
  const { method, tunnel, port } = statement;
  if (method.text !== "tunnel") return { method: method.text === "direct" ? "direct" : "nat" };
  const type = tunnel?.text === "gue" || tunnel?.text === "gre" ? tunnel.text : "ipip";
  return { method: "tunnel", type, port: port === null ? null : portValue(scope, port) };
}
