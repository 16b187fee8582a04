import { families } from "../net/address.ts";
import type { Forwarding, ServiceSpec } from "../spec/schema.ts";
import { annotationPrefix } from "./annotations.ts";
import { cannotCarry, type Refusals } from "./cannot-carry.ts";
import { isDnsLabel } from "./names.ts";
import type { Plain } from "./yaml-text.ts";

/** `shop` and `web` of `shop/web`. */
export function splitName(service: ServiceSpec): { readonly namespace: string; readonly name: string } {
  const [namespace = "", name = ""] = service.name.split("/");
  return { namespace, name };
}

/** A service without its endpoints as a Service object, as an API server would return it. */
export function serviceObject(service: ServiceSpec, refusals: Refusals): Plain {
  checkCarried(service, refusals);
  const { namespace, name } = splitName(service);
  const vips = service.vips.map((vip) => vip.address.text);
  const annotations = annotationsOf(service);
  const hasNodePort = service.ports.some((port) => port.nodePort !== null);
  const isBalanced = service.loadBalancers.length > 0;
  const isExternal = isBalanced || hasNodePort || service.externals.length > 0;
  const ranges = service.loadBalancers[0]?.allow ?? [];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, annotations: Object.keys(annotations).length === 0 ? undefined : annotations },
    spec: {
      type: isBalanced ? "LoadBalancer" : hasNodePort ? "NodePort" : "ClusterIP",
      clusterIP: vips[0],
      clusterIPs: vips,
      ipFamilies: service.vips.map((vip) => (vip.address.family === "ipv4" ? "IPv4" : "IPv6")),
      ipFamilyPolicy: vips.length > 1 ? "RequireDualStack" : "SingleStack",
      externalIPs: service.externals.length === 0 ? undefined : service.externals.map((item) => item.address.text),
      loadBalancerSourceRanges: ranges.length === 0 ? undefined : ranges.map((prefix) => prefix.text),
      allocateLoadBalancerNodePorts: isBalanced && !hasNodePort ? false : undefined,
      internalTrafficPolicy: service.internalPolicy === "local" ? "Local" : undefined,
      // Without anything external the policy has no effect, and Kubernetes refuses it.
      externalTrafficPolicy: isExternal && service.externalPolicy === "local" ? "Local" : undefined,
      healthCheckNodePort: service.healthCheckPort ?? undefined,
      sessionAffinity: service.affinity === null ? undefined : "ClientIP",
      sessionAffinityConfig:
        service.affinity === null ? undefined : { clientIP: { timeoutSeconds: service.affinity.timeoutSeconds } },
      ports: service.ports.map((port) => ({
        name: port.name === "" ? undefined : port.name,
        protocol: port.protocol.toUpperCase(),
        port: port.port,
        targetPort: port.targetPort,
        nodePort: port.nodePort ?? undefined,
      })),
    },
    status: isBalanced
      ? { loadBalancer: { ingress: service.loadBalancers.map((item) => ({ ip: item.address.text, ipMode: "VIP" })) } }
      : undefined,
  };
}

function checkCarried(service: ServiceSpec, refusals: Refusals): void {
  const refuse = (what: string, at = service.origin, help?: string): void => cannotCarry(refusals, what, at, help);
  const { namespace, name } = splitName(service);
  if (!isDnsLabel(namespace) || !isDnsLabel(name)) refuse(`service name ${service.name}`);
  if (service.vips.length === 0) {
    refuse(
      `service ${service.name}, which has no VIP,`,
      service.origin,
      "Kubernetes has no rules for such a service; give it a vip",
    );
  }
  for (const family of families) {
    const [, second] = service.vips.filter((vip) => vip.address.family === family);
    if (second !== undefined) refuse(`a second VIP ${second.address.text} of a family`, second.origin);
    const hasVip = service.vips.some((vip) => vip.address.family === family);
    for (const item of [...service.externals, ...service.loadBalancers]) {
      if (hasVip || item.address.family !== family || service.vips.length === 0) continue;
      refuse(`address ${item.address.text}`, item.origin, "the service needs a vip of the same family");
    }
  }
  const first = service.loadBalancers[0];
  for (const other of service.loadBalancers.slice(1)) {
    if (rangesKey(other.allow) === rangesKey(first?.allow ?? null)) continue;
    refuse(`allow of ${other.address.text}`, other.origin, "Kubernetes has one list of source ranges for a service");
  }
  for (const port of service.ports) {
    if (port.name === "" && service.ports.length > 1) refuse("a port without a name among several", port.origin);
    else if (port.name !== "" && !isDnsLabel(port.name)) refuse(`port name ${JSON.stringify(port.name)}`, port.origin);
  }
  if (service.healthCheckPort !== null && (first === undefined || service.externalPolicy !== "local")) {
    const at = service.settingOrigins["health-check-port"] ?? service.origin;
    refuse(`health-check-port of ${service.name}`, at, "it needs a load-balancer and external-policy local");
  }
}

function rangesKey(allow: ServiceSpec["loadBalancers"][number]["allow"]): string {
  return (allow ?? []).map((prefix) => prefix.text).join(",");
}

function annotationsOf(service: ServiceSpec): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = {};
  const set = (name: string, value: string | null): void => {
    if (value !== null) annotations[`${annotationPrefix}${name}`] = value;
  };
  const netmask = service.affinity?.netmask ?? null;
  set("scheduler", service.scheduler);
  set("scheduler-flags", service.schedulerFlags.length === 0 ? null : service.schedulerFlags.join(", "));
  set("one-packet", service.onePacket ? "true" : null);
  set("forward", service.forwarding.method === "nat" ? null : forwardText(service.forwarding));
  set("traffic", service.traffic);
  set("affinity-netmask", netmask === null ? null : `${netmask.ipv4}/${netmask.ipv6}`);
  set("allow", service.allowedWarnings.length === 0 ? null : service.allowedWarnings.join(", "));
  return annotations;
}

function forwardText(forwarding: Forwarding): string {
  if (forwarding.method !== "tunnel") return forwarding.method;
  return forwarding.port === null ? `tunnel ${forwarding.type}` : `tunnel ${forwarding.type} ${forwarding.port}`;
}
