import { z } from "zod";

/**
 * The parts of Kubernetes objects that weir reads, by shape alone; names and addresses are checked where they are used.
 * Unknown fields are normal and stay. Each schema's error is the phrase that says what is expected.
 * Optional fields may be null: the API server's own encoder writes empty lists so.
 */

const text = z.string({ error: "text" });
const flag = z.boolean({ error: "true or false" });

function wholeNumber(least: number, most: number, words: string): z.ZodNumber {
  return z.int({ error: words }).min(least, { error: words }).max(most, { error: words });
}

function list<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item, { error: "a list" });
}

function mapping<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$loose> {
  return z.looseObject(shape, { error: "a mapping" });
}

function oneOf<const T extends readonly string[]>(...values: T): z.ZodEnum<{ [K in T[number]]: K }> {
  const words = values.filter((value) => value !== "");
  return z.enum(values, { error: `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` });
}

const port = wholeNumber(1, 65535, "a port from 1 to 65535");
const portOrNone = wholeNumber(0, 65535, "a port from 1 to 65535, or 0 for none");
const protocol = oneOf("TCP", "UDP", "SCTP");
const texts = z.record(text, text, { error: "a mapping of text to text" });

const metadata = mapping({
  name: text,
  namespace: text.nullish(),
  labels: texts.nullish(),
  annotations: texts.nullish(),
});

const servicePort = mapping({
  name: text.nullish(),
  protocol: protocol.nullish(),
  port,
  targetPort: z.unknown().optional(),
  nodePort: portOrNone.nullish(),
});

const ingress = mapping({ ip: text.nullish(), ipMode: oneOf("VIP", "Proxy").nullish() });

export const serviceSchema = mapping({
  metadata,
  spec: mapping({
    type: oneOf("ClusterIP", "NodePort", "LoadBalancer").nullish(),
    clusterIP: text.nullish(),
    clusterIPs: list(text).nullish(),
    externalIPs: list(text).nullish(),
    ports: list(servicePort).nullish(),
    sessionAffinity: oneOf("None", "ClientIP").nullish(),
    sessionAffinityConfig: mapping({
      clientIP: mapping({
        timeoutSeconds: wholeNumber(1, 86400, "a number of seconds from 1 to 86400").nullish(),
      }).nullish(),
    }).nullish(),
    internalTrafficPolicy: oneOf("Cluster", "Local").nullish(),
    externalTrafficPolicy: oneOf("Cluster", "Local").nullish(),
    healthCheckNodePort: portOrNone.nullish(),
    loadBalancerSourceRanges: list(text).nullish(),
  }),
  status: mapping({ loadBalancer: mapping({ ingress: list(ingress).nullish() }).nullish() }).nullish(),
});

const named = mapping({ name: text });

export const endpointSliceSchema = mapping({
  metadata,
  addressType: oneOf("IPv4", "IPv6"),
  endpoints: list(
    mapping({
      addresses: list(text).nullish(),
      conditions: mapping({ ready: flag.nullish(), serving: flag.nullish(), terminating: flag.nullish() }).nullish(),
      nodeName: text.nullish(),
      hints: mapping({ forZones: list(named).nullish(), forNodes: list(named).nullish() }).nullish(),
    }),
  ).nullish(),
  ports: list(
    mapping({
      name: text.nullish(),
      protocol: protocol.nullish(),
      port: portOrNone.nullish(),
    }),
  ).nullish(),
});

export const nodeSchema = mapping({
  metadata,
  spec: mapping({ podCIDR: text.nullish(), podCIDRs: list(text).nullish() }).nullish(),
  status: mapping({ addresses: list(mapping({ type: text, address: text })).nullish() }).nullish(),
});

export const serviceCidrSchema = mapping({ metadata, spec: mapping({ cidrs: list(text) }) });

/** A duration as Go writes it, or null; parsed where it is used. */
const duration = text.nullish();
const periods = { syncPeriod: duration, minSyncPeriod: duration };
const markBit = wholeNumber(0, 31, "a bit number from 0 to 31").nullish();

export const proxyConfigurationSchema = mapping({
  mode: oneOf("", "iptables", "ipvs", "nftables", "userspace", "kernelspace").nullish(),
  clusterCIDR: text.nullish(),
  detectLocalMode: oneOf("", "ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix").nullish(),
  detectLocal: mapping({ bridgeInterface: text.nullish(), interfaceNamePrefix: text.nullish() }).nullish(),
  nodePortAddresses: list(text).nullish(),
  oomScoreAdj: wholeNumber(-1000, 1000, "a number from -1000 to 1000").nullish(),
  portRange: text.nullish(),
  iptables: mapping({ masqueradeBit: markBit, masqueradeAll: flag.nullish(), ...periods }).nullish(),
  nftables: mapping({ masqueradeBit: markBit, masqueradeAll: flag.nullish(), ...periods }).nullish(),
  ipvs: mapping({
    scheduler: text.nullish(),
    excludeCIDRs: list(text).nullish(),
    strictARP: flag.nullish(),
    tcpTimeout: duration,
    tcpFinTimeout: duration,
    udpTimeout: duration,
    ...periods,
  }).nullish(),
});

export type ServiceObject = z.infer<typeof serviceSchema>;
export type EndpointSliceObject = z.infer<typeof endpointSliceSchema>;
export type ProxyConfiguration = z.infer<typeof proxyConfigurationSchema>;
