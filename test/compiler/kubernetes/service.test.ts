import { describe, expect, it } from "vitest";
import type { ServiceSpec } from "../../../compiler/spec/schema.ts";
import { serviceSchema } from "../../../compiler/spec/schema.ts";
import { describeFinding, read, serviceText } from "./support.ts";

/** The one service of a text, which must be a valid part of a spec, and the codes of all findings. */
function serviceOf(text: string): { readonly service: ServiceSpec | undefined; readonly codes: readonly string[] } {
  const { fragment, diagnostics } = read(text);
  const [service] = fragment.services;
  if (service !== undefined) serviceSchema.parse(service);
  return { service, codes: diagnostics.map((finding) => finding.code) };
}

function texts(items: readonly { readonly address: { readonly text: string } }[] | undefined): readonly string[] {
  return (items ?? []).map((item) => item.address.text);
}

describe("services that have no rules", () => {
  it.each([
    ["headless", serviceText({ clusterIP: "None" })],
    ["ExternalName, even with a cluster IP", serviceText({ type: "ExternalName", externalName: "example.com" })],
    [
      "another proxy's",
      serviceText({}, { metadata: { labels: { "service.kubernetes.io/service-proxy-name": "other" } } }),
    ],
    ["labelled headless", serviceText({}, { metadata: { labels: { "service.kubernetes.io/headless": "" } } })],
  ])("%s: nothing is read and nothing is said", (_, text) => {
    expect(serviceOf(text)).toEqual({ service: undefined, codes: [] });
  });

  it("without a cluster IP: a warning, because it is usually a manifest that no cluster has seen", () => {
    expect(serviceOf(serviceText({ clusterIP: "" }))).toEqual({
      service: undefined,
      codes: ["kubernetes/no-cluster-ip"],
    });
  });
});

describe("addresses", () => {
  it("clusterIPs count before clusterIP, the first of each family", () => {
    const { service } = serviceOf(serviceText({ clusterIPs: ["fd00:10:96::10", "10.96.0.11", "10.96.0.12"] }));
    expect(texts(service?.vips)).toEqual(["fd00:10:96::10", "10.96.0.11"]);
  });

  it("are read with leading zeros as decimal and come out canonical", () => {
    const { service, codes } = serviceOf(
      serviceText(
        {
          clusterIP: "172.30.0.041",
          externalIPs: ["192.000.002.007", "192.0.2.7", "::ffff:192.0.2.8"],
          loadBalancerSourceRanges: [" 203.0.113.099/025 "],
          type: "LoadBalancer",
        },
        { status: { loadBalancer: { ingress: [{ ip: "198.51.100.007" }] } } },
      ),
    );
    expect(codes).toEqual([]);
    expect(texts(service?.vips)).toEqual(["172.30.0.41"]);
    expect(texts(service?.externals)).toEqual(["192.0.2.7", "192.0.2.8"]);
    expect(texts(service?.loadBalancers)).toEqual(["198.51.100.7"]);
    expect(service?.loadBalancers[0]?.allow?.map((prefix) => prefix.text)).toEqual(["203.0.113.0/25"]);
  });

  it("of a family without a cluster IP are left out with a note; source ranges of it stay, and say nothing", () => {
    const { service, codes } = serviceOf(
      serviceText(
        { externalIPs: ["2001:db8::7"], loadBalancerSourceRanges: ["2001:db8::/32"], type: "LoadBalancer" },
        { status: { loadBalancer: { ingress: [{ ip: "2001:db8::8" }, { ip: "198.51.100.7" }] } } },
      ),
    );
    expect(codes).toEqual(["kubernetes/other-family", "kubernetes/other-family"]);
    expect(service?.externals).toEqual([]);
    expect(texts(service?.loadBalancers)).toEqual(["198.51.100.7"]);
    expect(service?.loadBalancers[0]?.allow?.map((prefix) => prefix.text)).toEqual(["2001:db8::/32"]);
  });

  it("of load balancers: only reported ones, not host names, not those that the balancer proxies", () => {
    const ingress = [
      { hostname: "lb.example.com" },
      { ip: "198.51.100.1", ipMode: "Proxy" },
      { ip: "198.51.100.2", ipMode: "VIP" },
      { ip: "198.51.100.3" },
      { ip: "198.51.100.3" },
    ];
    const { service } = serviceOf(
      serviceText({ type: "LoadBalancer", loadBalancerIP: "198.51.100.9" }, { status: { loadBalancer: { ingress } } }),
    );
    expect(texts(service?.loadBalancers)).toEqual(["198.51.100.2", "198.51.100.3"]);
    expect(service?.loadBalancers[0]?.allow).toBeNull();
  });
});

describe("ports", () => {
  it("default to TCP; node port 0 is none; a named target port says nothing", () => {
    const ports = [
      { port: 53, name: "dns", protocol: "UDP", nodePort: 0 },
      { port: 80, name: "web", nodePort: 30080, targetPort: "http" },
    ];
    expect(serviceOf(serviceText({ ports })).service?.ports).toMatchObject([
      { name: "dns", protocol: "udp", port: 53, targetPort: 53, nodePort: null },
      { name: "web", protocol: "tcp", port: 80, targetPort: 80, nodePort: 30080 },
    ]);
  });

  it("may have no name, and null lists are empty ones", () => {
    expect(serviceOf(serviceText({ ports: [{ port: 80 }], externalIPs: null })).service?.ports).toMatchObject([
      { name: "", port: 80 },
    ]);
    expect(serviceOf(serviceText({ ports: null })).service?.ports).toEqual([]);
  });
});

describe("policies", () => {
  const policyOf = (spec: object): unknown => serviceOf(serviceText(spec)).service?.externalPolicy;

  it("the external one counts only where something external reaches the service", () => {
    expect(policyOf({ externalTrafficPolicy: "Local" })).toBe("cluster");
    expect(policyOf({ externalTrafficPolicy: "Local", externalIPs: ["203.0.113.1"] })).toBe("local");
    expect(policyOf({ externalTrafficPolicy: "Local", type: "NodePort" })).toBe("local");
    expect(policyOf({ externalTrafficPolicy: "Cluster", type: "LoadBalancer" })).toBe("cluster");
  });

  it("the health check port counts only for load balancers with a local policy", () => {
    const port = (spec: object): unknown =>
      serviceOf(serviceText({ healthCheckNodePort: 32000, ...spec })).service?.healthCheckPort;
    expect(port({ type: "LoadBalancer", externalTrafficPolicy: "Local" })).toBe(32000);
    expect(port({ type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 0 })).toBeNull();
    expect(port({ type: "LoadBalancer" })).toBeNull();
    expect(port({ type: "NodePort", externalTrafficPolicy: "Local" })).toBeNull();
  });

  it("affinity lasts three hours unless the object says otherwise", () => {
    const affinity = (spec: object): unknown => serviceOf(serviceText(spec)).service?.affinity;
    expect(affinity({})).toBeNull();
    expect(affinity({ sessionAffinity: "None" })).toBeNull();
    expect(affinity({ sessionAffinity: "ClientIP" })).toEqual({ timeoutSeconds: 10800, netmask: null });
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 60 } };
    expect(affinity({ sessionAffinity: "ClientIP", sessionAffinityConfig })).toMatchObject({ timeoutSeconds: 60 });
  });
});

describe("annotations", () => {
  it("say what the object has no field for", () => {
    const annotations = {
      "weir/scheduler": "mh",
      "weir/scheduler-flags": "fallback, port",
      "weir/one-packet": "true",
      "weir/forward": "tunnel gue 6080",
      "weir/traffic": "prefer-zone",
      "weir/affinity-netmask": "24/64",
      "weir/allow": "spec/rr-ignores-weights",
      "example.com/owner": "shop",
    };
    const { service, codes } = serviceOf(serviceText({ sessionAffinity: "ClientIP" }, { metadata: { annotations } }));
    expect(codes).toEqual([]);
    expect(service).toMatchObject({
      scheduler: "mh",
      schedulerFlags: ["fallback", "port"],
      onePacket: true,
      forwarding: { method: "tunnel", type: "gue", port: 6080 },
      traffic: "prefer-zone",
      affinity: { timeoutSeconds: 10800, netmask: { ipv4: 24, ipv6: 64 } },
      allowedWarnings: ["spec/rr-ignores-weights"],
    });
    expect(Object.keys(service?.settingOrigins ?? {})).toEqual(
      expect.arrayContaining(["scheduler", "one-packet", "forward", "traffic", "affinity", "allow"]),
    );
  });

  it.each([
    ["weir/forward", "tunnel gue"],
    ["weir/forward", "tunnel ipip 5"],
    ["weir/forward", "nat gre"],
    ["weir/one-packet", "yes"],
    ["weir/scheduler-flags", "fallback"],
    ["weir/affinity-netmask", "24/64"],
    ["weir/affinity-netmask", "0/64"],
    ["weir/allow", "spec/duplicate-service"],
    ["weir/traffic", "PreferClose"],
  ])("%s: %s is an error", (key, value) => {
    const { codes } = serviceOf(serviceText({}, { metadata: { annotations: { [key]: value } } }));
    expect(codes).toEqual(["kubernetes/invalid-annotation"]);
  });
});

describe("hostile names", () => {
  const hostile = ['web"', "web\nfoo", "web; reboot", "$(reboot)", "../etc", "web*", "-A INPUT", "Wéb", "a".repeat(64)];

  it.each(hostile)("%j is refused as name, namespace and port name", (name) => {
    for (const text of [
      serviceText({}, { metadata: { name } }),
      serviceText({}, { metadata: { namespace: name } }),
      serviceText({ ports: [{ port: 80, name }] }),
    ]) {
      const [finding, ...others] = read(text).diagnostics;
      expect(others).toEqual([]);
      expect(finding?.code).toBe("kubernetes/invalid-name");
      expect(finding === undefined ? "" : describeFinding(finding).replace(/«.*»/s, "")).not.toMatch(/[\n]/);
    }
  });
});
