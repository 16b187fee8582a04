import { describe, expect, it } from "vitest";
import { hasErrors } from "../../../compiler/diagnostics/diagnostic.ts";
import { objectsFromSpec } from "../../../compiler/kubernetes/from-spec.ts";
import { fragmentFromObjects } from "../../../compiler/kubernetes/read.ts";
import type { SpecFragment } from "../../../compiler/spec/fragment.ts";
import { fragmentFromText } from "../../../compiler/spec/from-syntax.ts";
import { mergeFragments } from "../../../compiler/spec/merge.ts";
import type { Spec } from "../../../compiler/spec/schema.ts";
import { syntaxFromSpec } from "../../../compiler/spec/to-syntax.ts";
import { formatSyntax } from "../../../compiler/syntax/format.ts";
import { fixtureNames, fixturesFolder, inputsOf, loadInputs } from "../../support/fixtures.ts";
import { meaningOf } from "../../support/meaning.ts";

function specOf(fragment: SpecFragment): Spec {
  return mergeFragments([fragment]).spec;
}

function asText(spec: Spec): string {
  return formatSyntax(syntaxFromSpec(spec));
}

function fromText(text: string): Spec {
  const { fragment, diagnostics } = fragmentFromText({ path: "spec.weir", text });
  expect(diagnostics.filter((finding) => finding.severity === "error").map((finding) => finding.message)).toEqual([]);
  return specOf(fragment);
}

/** Every construct of the language that says anything, in the layout that is written for it. */
const everything = `cluster {
  pods 10.244.0.0/16, fd00:10:244::/56
  service-range 10.96.0.0/12
  node-port-range 30000-32767
  node-port-addresses 192.0.2.0/24
  local-traffic bridge cni0
  masquerade-all
  masquerade-bit 20
  drop-bit 21
  reject-bit 22
  guard vip 10.96.0.0/12 for shop/*, dns/main
  proxy-ports 20000-20999
  scheduler lc
  strict-arp
  tcp-timeout 15m
  tcp-fin-timeout 90s
  udp-timeout 1h
  exclude-ranges 198.51.100.0/24
  allow warning spec/no-address
}

node worker-1 {
  zone eu-a
  address 192.0.2.11, 2001:db8::11
  pods 10.244.1.0/24
}

service shop/web {
  vip 10.96.0.10, fd00:10:96::10
  external 203.0.113.80
  load-balancer 198.51.100.7 allow 198.51.100.0/24, 203.0.113.9/32
  scheduler mh fallback port
  one-packet
  affinity client-ip 3h netmask 24/64
  internal-policy local
  external-policy local
  traffic prefer-zone
  forward tunnel gue 6080
  health-check-port 32000
  allow warning spec/rr-ignores-weights

  port http tcp 80 -> 8080 node-port 30080
  port "port" udp 53

  endpoint 10.244.1.5 on worker-1 weight 3
  endpoint 10.244.1.6 draining
  endpoint 10.244.1.7 not-ready serving
  endpoint 10.244.1.8 not-ready terminating
  endpoint 10.244.1.9 not-ready
  endpoint 10.244.2.7 on worker-2 port http=9000 zone-hint eu-a, eu-b node-hint worker-1
  endpoint 10.244.2.8 max-connections 100 min-connections 80
}

expect on worker-1: tcp 10.9.9.9 -> 10.96.0.10:80 reaches shop/web:http 75%, 10.9.1.5 25%
expect: tcp 10.9.9.9 -> 10.96.0.10:80 reaches shop/web masquerade no
expect: udp 2001:db8::1 -> [fd00:10:96::10]:53 reaches shop/web
expect: tcp 8.8.8.8 -> 198.51.100.7:80 dropped
expect: tcp 8.8.8.8 -> 10.96.0.10:81 rejected
expect: tcp 8.8.8.8 -> 192.0.2.1:80 not-ours
`;

describe("a spec as text", () => {
  it("says everything that the text it came from said, in the same words", () => {
    expect(asText(fromText(everything))).toBe(everything);
  });

  it("is empty for an empty spec", () => {
    expect(asText(fromText(""))).toBe("");
  });

  it("of Kubernetes objects gives the usual target port once, and exceptions at their endpoints", () => {
    const [http, dns] = [
      { name: "http", protocol: "TCP", port: 80 },
      { name: "dns", protocol: "UDP", port: 53 },
    ];
    const slice = (name: string, ports: readonly object[], addresses: readonly string[]): string =>
      JSON.stringify({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
        addressType: "IPv4",
        ports,
        endpoints: addresses.map((address) => ({ addresses: [address] })),
      });
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "shop" },
      spec: { clusterIP: "10.96.0.10", ports: [http, dns] },
    };
    const usual = [
      { ...http, port: 8080 },
      { ...dns, port: 5353 },
    ];
    const text = [
      JSON.stringify(service),
      slice("web-1", usual, ["10.244.1.1", "10.244.1.2"]),
      slice(
        "web-2",
        [
          { ...http, port: 9090 },
          { ...dns, port: 5353 },
        ],
        ["10.244.1.3"],
      ),
      slice(
        "web-3",
        [
          { ...dns, port: 5353 },
          { name: "other", port: 1 },
        ],
        ["10.244.1.4"],
      ),
      slice("web-4", [{ name: "other", port: 1 }], ["10.244.1.5"]),
    ].join("\n");
    expect(asText(specOf(fragmentFromObjects({ path: "objects.json", text }).fragment))).toBe(`service shop/web {
  vip 10.96.0.10

  port http tcp 80 -> 8080
  port dns udp 53 -> 5353

  endpoint 10.244.1.1
  endpoint 10.244.1.2
  endpoint 10.244.1.3 port http=9090, dns=5353
  endpoint 10.244.1.4 port dns=5353
}
`);
  });
});

describe.each(fixtureNames)("fixture %s", (name) => {
  it("means the same when it is written anew, and so do the objects made of it", async () => {
    const { spec } = await loadInputs(`${fixturesFolder}/${name}`);
    const text = asText(spec);
    expect(meaningOf(fromText(text))).toEqual(meaningOf(spec));
    expect(asText(fromText(text))).toBe(text);
    const objects = objectsFromSpec(spec);
    if (hasErrors(objects.diagnostics)) {
      expect(inputsOf(`${fixturesFolder}/${name}`).some((path) => path.endsWith(".weir"))).toBe(true);
      return;
    }
    const { fragment, diagnostics } = fragmentFromObjects({ path: "objects.yaml", text: objects.text });
    expect(diagnostics).toEqual([]);
    expect(meaningOf(specOf(fragment))).toEqual(meaningOf(spec));
  });
});
