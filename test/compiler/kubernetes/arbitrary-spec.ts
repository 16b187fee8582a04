import fc from "fast-check";
import type { Prefix } from "../../../compiler/net/address.ts";
import {
  type EndpointSpec,
  type ServicePortSpec,
  type ServiceSpec,
  type Spec,
  schedulerSchema,
} from "../../../compiler/spec/schema.ts";
import { address, prefix } from "../../support/net.ts";
import { balancer, claim, endpoint, node, place, service, spec } from "../../support/spec.ts";

/** Specs of the subset that both Kubernetes objects and our language can say. */

const byte = fc.integer({ min: 1, max: 254 });
const portNumber = fc.integer({ min: 1, max: 65535 });
/** Some are words of the language, which must be written in quotes there. */
const portName = fc.constantFrom("http", "dns", "port", "tcp", "8080", "a-b", "none", "endpoint");
const nodeNames = ["worker-1", "worker-2", "on", "10", "node.example.com"] as const;
const zones = ["a", "eu-b", "C_d.1", "zone"] as const;

function either<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(value, { nil: null });
}

function address4(network: string): fc.Arbitrary<string> {
  return fc.tuple(byte, byte).map(([a, b]) => `${network}.${a}.${b}`);
}

function address6(network: string): fc.Arbitrary<string> {
  return byte.map((a) => `${network}::${a.toString(16)}`);
}

function ofFamilies(isDual: boolean, four: string, six: string): fc.Arbitrary<string> {
  return isDual ? fc.oneof(address4(four), address6(six)) : address4(four);
}

const prefixes: fc.Arbitrary<readonly Prefix[]> = fc
  .uniqueArray(fc.constantFrom("203.0.113.0/24", "198.51.100.7/32", "2001:db8:1::/48", "0.0.0.0/0"), { maxLength: 3 })
  .map((texts) => texts.map(prefix));

function ports(number: number): fc.Arbitrary<readonly ServicePortSpec[]> {
  const one = (name: string): fc.Arbitrary<ServicePortSpec> =>
    fc.record({
      name: fc.constant(name),
      protocol: fc.constantFrom("tcp", "udp", "sctp"),
      port: portNumber,
      targetPort: portNumber,
      nodePort: either(fc.integer({ min: 30000 + number * 10, max: 30009 + number * 10 })),
      origin: fc.constant(place()),
    });
  const several = fc
    .uniqueArray(portName, { minLength: 1, maxLength: 3 })
    .chain((names) => fc.tuple(...names.map(one)));
  return fc.oneof(
    one("").map((port) => [port]),
    several,
  );
}

function endpointOf(isDual: boolean, given: readonly ServicePortSpec[]): fc.Arbitrary<EndpointSpec> {
  const own = fc
    .tuple(fc.subarray([...given], { minLength: 1 }), fc.array(portNumber, { minLength: 3, maxLength: 3 }))
    .map(([chosen, numbers]) => chosen.map(({ name, protocol }, at) => ({ name, protocol, port: numbers[at] ?? 1 })));
  const upper = fc.constantFrom(0, 100);
  return fc
    .record({
      text: ofFamilies(isDual, "10.244", "fd00:10:244"),
      node: either(fc.constantFrom(...nodeNames, "elsewhere")),
      weight: fc.constantFrom(0, 1, 1, 1, 3, 65535),
      ready: fc.boolean(),
      serving: fc.boolean(),
      terminating: fc.boolean(),
      zones: fc.subarray([...zones]),
      nodes: fc.subarray([...nodeNames]),
      ports: either(own),
      upperThreshold: upper,
      lowerThreshold: fc.constant(0),
    })
    .map(({ text, upperThreshold, zones: hinted, nodes: named, ...rest }) =>
      endpoint(text, {
        ...rest,
        hints: hinted.length === 0 && named.length === 0 ? null : { zones: hinted, nodes: named },
        upperThreshold,
        lowerThreshold: upperThreshold === 0 ? 0 : 50,
      }),
    );
}

const forwarding: fc.Arbitrary<ServiceSpec["forwarding"]> = fc.constantFrom(
  { method: "nat" },
  { method: "nat" },
  { method: "direct" },
  { method: "tunnel", type: "ipip", port: null },
  { method: "tunnel", type: "gre", port: null },
  { method: "tunnel", type: "gue", port: 6080 },
);

function serviceOf(number: number): fc.Arbitrary<ServiceSpec> {
  return fc.tuple(fc.boolean(), ports(number)).chain(([isDual, given]) =>
    fc
      .record({
        externals: fc.uniqueArray(ofFamilies(isDual, `203.${number}`, `2001:db8:e${number}`), { maxLength: 2 }),
        balancers: fc.uniqueArray(ofFamilies(isDual, `198.${number}`, `2001:db8:b${number}`), { maxLength: 2 }),
        allow: either(prefixes),
        scheduler: either(fc.constantFrom(...schedulerSchema.options)),
        flags: fc.subarray(["fallback", "port"] as const),
        onePacket: fc.boolean(),
        affinity: either(
          fc.record({
            timeoutSeconds: fc.integer({ min: 1, max: 86400 }),
            netmask: either(
              fc.record({ ipv4: fc.integer({ min: 1, max: 32 }), ipv6: fc.integer({ min: 1, max: 128 }) }),
            ),
          }),
        ),
        internalPolicy: fc.constantFrom("cluster", "local"),
        externalPolicy: fc.constantFrom("cluster", "local"),
        traffic: either(fc.constantFrom("prefer-zone", "prefer-node")),
        forwarding,
        healthCheckPort: either(portNumber),
        allowedWarnings: fc.subarray(["spec/rr-ignores-weights", "spec/no-address"]),
        endpoints: fc.array(endpointOf(isDual, given), { maxLength: 6 }),
      })
      .map(({ externals, balancers, allow, flags, ...rest }) => {
        const isChecked = balancers.length > 0 && rest.externalPolicy === "local";
        return service({
          ...rest,
          name: `shop/service-${number}`,
          vips: [claim(`10.96.0.${number}`), ...(isDual ? [claim(`fd00:10:96::${number}`)] : [])],
          externals: externals.map(claim),
          loadBalancers: balancers.map((text) => ({ ...balancer(text), allow })),
          schedulerFlags: rest.scheduler === "sh" || rest.scheduler === "mh" ? flags : [],
          healthCheckPort: isChecked ? rest.healthCheckPort : null,
          ports: given,
        });
      }),
  );
}

const cluster: fc.Arbitrary<Partial<Spec["cluster"]>> = fc.record({
  pods: fc.constantFrom([], ["10.244.0.0/16"], ["10.244.0.0/16", "fd00:10:244::/56"]).map((texts) => texts.map(prefix)),
  serviceRanges: fc.subarray(["10.96.0.0/12", "fd00:10:96::/112"]).map((texts) => texts.map(prefix)),
  nodePortAddresses: fc.constantFrom<Spec["cluster"]["nodePortAddresses"]>(
    { kind: "any" },
    { kind: "primary" },
    { kind: "prefixes", prefixes: [prefix("192.0.2.0/24"), prefix("2001:db8::/64")] },
  ),
  detector: fc.constantFrom<Spec["cluster"]["detector"]>(
    { kind: "cluster-pods" },
    { kind: "node-pods" },
    { kind: "bridge-interface", name: "cni0" },
    { kind: "interface-prefix", prefix: "veth" },
  ),
  masqueradeAll: fc.boolean(),
  masqueradeBit: fc.integer({ min: 16, max: 31 }),
  proxyPorts: fc.constantFrom({ first: 10000, last: 29999 }, { first: 20000, last: 20009 }),
  ipvsStrictArp: fc.boolean(),
  ipvsTcpTimeout: fc.constantFrom(0, 59, 900),
  ipvsTcpFinTimeout: fc.constantFrom(0, 120),
  ipvsUdpTimeout: fc.constantFrom(0, 3600),
  ipvsExcludedRanges: fc.subarray(["192.0.2.128/25", "198.51.100.0/24"]).map((texts) => texts.map(prefix)),
  ipvsScheduler: either(fc.constantFrom(...schedulerSchema.options)),
  // whether the range is declared means something: an undeclared one has more room
  settingOrigins: fc.constant({ proxyPorts: place() }),
});

const nodes = fc.subarray([...nodeNames]).chain((names) =>
  fc.tuple(
    ...names.map((name, at) =>
      fc
        .record({
          zone: either(fc.constantFrom(...zones)),
          addresses: fc.subarray([`192.0.2.${at + 1}`, `2001:db8::${at + 1}`, `192.0.2.${at + 101}`]),
          pods: fc.subarray([`10.244.${at}.0/24`, `fd00:10:244:${at}::/64`]),
        })
        .map(({ zone, addresses, pods }) =>
          node({ name, zone, addresses: addresses.map(address), pods: pods.map(prefix) }),
        ),
    ),
  ),
);

export const carriedSpec: fc.Arbitrary<Spec> = fc
  .record({ cluster, nodes, services: fc.tuple(serviceOf(1), serviceOf(2)) })
  .map((given) => spec(given));
