import { z } from "zod";
import type { IpAddress, Prefix } from "../net/address.ts";
import { protocols } from "../net/port.ts";
import type { Location } from "../source.ts";
import { schedulerFlags, schedulers } from "./words.ts";

/**
 * The one model behind both front ends: what the author means, independent of node and backend.
 * The types of the whole compiler are inferred from these schemas. Front ends build the values;
 * `specSchema.parse` is the contract that tests hold them to.
 */

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

const address = z.custom<IpAddress>((value) => isObject(value) && "bits" in value && "family" in value);
const prefix = z.custom<Prefix>((value) => isObject(value) && "length" in value && "address" in value);
const origin = z.custom<Location>((value) => isObject(value) && "file" in value);
const port = z.number().int().min(1).max(65535);
const name = z.string().min(1).max(253);

const protocolSchema = z.enum(protocols);

export const schedulerSchema = z.enum(schedulers);

export const schedulerFlagSchema = z.enum(schedulerFlags);

const policySchema = z.enum(["cluster", "local"]);

const portRange = z.readonly(z.strictObject({ first: port, last: port }));

/** `tunnel` kinds of IPVS: IPIP, or UDP encapsulation GUE on a port, or GRE (IP_VS_CONN_F_TUNNEL_TYPE_*). */
const forwardingSchema = z.discriminatedUnion("method", [
  z.readonly(z.strictObject({ method: z.literal("nat") })),
  z.readonly(z.strictObject({ method: z.literal("direct") })),
  z.readonly(
    z.strictObject({ method: z.literal("tunnel"), type: z.enum(["ipip", "gue", "gre"]), port: port.nullable() }),
  ),
]);

/** `netmask` is the prefix length by which IPVS groups IPv4 or IPv6 clients; null is the whole address. */
const affinitySchema = z.readonly(
  z.strictObject({
    timeoutSeconds: z.number().int().min(1).max(86400),
    netmask: z
      .readonly(z.strictObject({ ipv4: z.number().int().min(1).max(32), ipv6: z.number().int().min(1).max(128) }))
      .nullable(),
  }),
);

const servicePortSchema = z.readonly(
  z.strictObject({
    /** Empty when the service's only port has no name. */
    name: z.string().max(63),
    protocol: protocolSchema,
    port,
    /** The port of endpoints that do not give their own; the same as `port` when the author gives none. */
    targetPort: port,
    nodePort: port.nullable(),
    origin,
  }),
);

const endpointPortSchema = z.readonly(z.strictObject({ name: z.string().max(63), protocol: protocolSchema, port }));

export const endpointSchema = z.readonly(
  z.strictObject({
    address,
    /** The node it runs on; null when unknown, which counts as remote. */
    node: name.nullable(),
    weight: z.number().int().min(0).max(65535),
    ready: z.boolean(),
    serving: z.boolean(),
    terminating: z.boolean(),
    /** Topology hints; null when there are none. */
    hints: z
      .readonly(z.strictObject({ zones: z.readonly(z.array(name)), nodes: z.readonly(z.array(name)) }))
      .nullable(),
    /** The ports it serves, found by name and protocol; null serves every port at the service's target port. */
    ports: z.readonly(z.array(endpointPortSchema)).nullable(),
    /** IPVS connection thresholds; 0 is none. */
    upperThreshold: z.number().int().min(0).max(4294967295),
    lowerThreshold: z.number().int().min(0).max(4294967295),
    origin,
  }),
);

const externalAddressSchema = z.readonly(z.strictObject({ address, origin }));

const loadBalancerSchema = z.readonly(
  z.strictObject({
    address,
    /** Sources that may use it; null is everyone. May hold prefixes of the other family, which say nothing of this one. */
    allow: z.readonly(z.array(prefix)).nullable(),
    origin,
  }),
);

export const serviceSchema = z.readonly(
  z.strictObject({
    /** `namespace/name`. */
    name: z.string().min(3).max(127),
    vips: z.readonly(z.array(externalAddressSchema)),
    externals: z.readonly(z.array(externalAddressSchema)),
    loadBalancers: z.readonly(z.array(loadBalancerSchema)),
    /** null leaves it to weights alone: wrr on IPVS, random by weight elsewhere. */
    scheduler: schedulerSchema.nullable(),
    schedulerFlags: z.readonly(z.array(schedulerFlagSchema)),
    /** IP_VS_SVC_F_ONEPACKET for UDP ports. */
    onePacket: z.boolean(),
    affinity: affinitySchema.nullable(),
    internalPolicy: policySchema,
    externalPolicy: policySchema,
    /** Hints are derived from where endpoints run; null uses the hints that endpoints carry. */
    traffic: z.enum(["prefer-zone", "prefer-node"]).nullable(),
    forwarding: forwardingSchema,
    healthCheckPort: port.nullable(),
    ports: z.readonly(z.array(servicePortSchema)),
    endpoints: z.readonly(z.array(endpointSchema)),
    /** Codes of warnings that the author accepts here. */
    allowedWarnings: z.readonly(z.array(z.string())),
    /** Where single settings stand, for findings about them: key is the setting's word, `scheduler`, `forward`, … */
    settingOrigins: z.readonly(z.record(z.string(), origin)),
    origin,
  }),
);

export const nodeSchema = z.readonly(
  z.strictObject({
    name,
    zone: name.nullable(),
    addresses: z.readonly(z.array(address)),
    pods: z.readonly(z.array(prefix)),
    origin,
  }),
);

/** How a node tells traffic of its own pods (kube-proxy's detectLocalMode). */
const detectorSchema = z.discriminatedUnion("kind", [
  z.readonly(z.strictObject({ kind: z.literal("cluster-pods") })),
  z.readonly(z.strictObject({ kind: z.literal("node-pods") })),
  z.readonly(z.strictObject({ kind: z.literal("bridge-interface"), name: z.string().min(1).max(15) })),
  z.readonly(z.strictObject({ kind: z.literal("interface-prefix"), prefix: z.string().min(1).max(14) })),
  z.readonly(z.strictObject({ kind: z.literal("none") })),
]);

const nodePortAddressesSchema = z.discriminatedUnion("kind", [
  /** Every non-loopback address of the node. */
  z.readonly(z.strictObject({ kind: z.literal("any") })),
  /** The node's first address of each family. */
  z.readonly(z.strictObject({ kind: z.literal("primary") })),
  /** Addresses of the node inside these; a family without a prefix means any. */
  z.readonly(z.strictObject({ kind: z.literal("prefixes"), prefixes: z.readonly(z.array(prefix)) })),
]);

/** Only the services whose names match may claim addresses inside the prefixes. */
const guardSchema = z.readonly(
  z.strictObject({
    prefixes: z.readonly(z.array(prefix)),
    /** `shop/web`, or with `*` for any run of characters inside one part: `shop/*`. */
    services: z.readonly(z.array(z.string().min(1).max(253))),
    origin,
  }),
);

const markBit = z.number().int().min(0).max(31);

const clusterSchema = z.readonly(
  z.strictObject({
    pods: z.readonly(z.array(prefix)),
    serviceRanges: z.readonly(z.array(prefix)),
    nodePortRange: portRange.nullable(),
    nodePortAddresses: nodePortAddressesSchema,
    detector: detectorSchema,
    masqueradeAll: z.boolean(),
    /** Bits of the packet mark: to be masqueraded, dropped, rejected. */
    masqueradeBit: markBit,
    dropBit: markBit,
    rejectBit: markBit,
    guards: z.readonly(z.array(guardSchema)),
    /** Ports that the userspace backend may listen on. */
    proxyPorts: portRange,
    ipvsStrictArp: z.boolean(),
    /** Seconds; 0 keeps the system's value. */
    ipvsTcpTimeout: z.number().int().min(0),
    ipvsTcpFinTimeout: z.number().int().min(0),
    ipvsUdpTimeout: z.number().int().min(0),
    /** Virtual servers inside these are not weir's to remove. */
    ipvsExcludedRanges: z.readonly(z.array(prefix)),
    /** Scheduler of services that name none; null is wrr. */
    ipvsScheduler: schedulerSchema.nullable(),
    allowedWarnings: z.readonly(z.array(z.string())),
    /** Where each given setting stands: key is the setting's name here, `nodePortRange`. */
    settingOrigins: z.readonly(z.record(z.string(), origin)),
  }),
);

const expectedOutcomeSchema = z.discriminatedUnion("kind", [
  z.readonly(
    z.strictObject({
      kind: z.literal("reaches"),
      /** `service` as `ns/name` or `ns/name:port`, or one endpoint; `percent` of new connections, or null for any. */
      targets: z.readonly(
        z.array(
          z.readonly(
            z.strictObject({
              service: z.string().nullable(),
              endpoint: address.nullable(),
              percent: z.number().min(0).max(100).nullable(),
            }),
          ),
        ),
      ),
      masquerade: z.boolean().nullable(),
    }),
  ),
  z.readonly(z.strictObject({ kind: z.literal("rejected") })),
  z.readonly(z.strictObject({ kind: z.literal("dropped") })),
  z.readonly(z.strictObject({ kind: z.literal("pass") })),
]);

const expectSchema = z.readonly(
  z.strictObject({
    /** null: on every node. */
    node: name.nullable(),
    protocol: protocolSchema,
    source: address,
    destination: address,
    port,
    outcome: expectedOutcomeSchema,
    origin,
  }),
);

export const specSchema = z.readonly(
  z.strictObject({
    cluster: clusterSchema,
    nodes: z.readonly(z.array(nodeSchema)),
    services: z.readonly(z.array(serviceSchema)),
    expects: z.readonly(z.array(expectSchema)),
  }),
);

export type Scheduler = z.infer<typeof schedulerSchema>;
export type SchedulerFlag = z.infer<typeof schedulerFlagSchema>;
export type Forwarding = z.infer<typeof forwardingSchema>;
export type Affinity = z.infer<typeof affinitySchema>;
export type ServicePortSpec = z.infer<typeof servicePortSchema>;
export type EndpointPortSpec = z.infer<typeof endpointPortSchema>;
export type EndpointSpec = z.infer<typeof endpointSchema>;
export type AddressSpec = z.infer<typeof externalAddressSchema>;
export type LoadBalancerSpec = z.infer<typeof loadBalancerSchema>;
export type ServiceSpec = z.infer<typeof serviceSchema>;
export type NodeSpec = z.infer<typeof nodeSchema>;
export type DetectorSpec = z.infer<typeof detectorSchema>;
export type NodePortAddressesSpec = z.infer<typeof nodePortAddressesSchema>;
export type GuardSpec = z.infer<typeof guardSchema>;
export type ClusterSpec = z.infer<typeof clusterSchema>;
export type ExpectSpec = z.infer<typeof expectSchema>;
export type ExpectedOutcome = z.infer<typeof expectedOutcomeSchema>;
export type Spec = z.infer<typeof specSchema>;
