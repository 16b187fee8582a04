import { describe, expect, it } from "vitest";
import type { DiagnosticCode } from "../../../compiler/diagnostics/codes.ts";
import { checkSpec } from "../../../compiler/spec/check.ts";
import { matchesPattern } from "../../../compiler/spec/pattern.ts";
import { type Spec, specSchema } from "../../../compiler/spec/schema.ts";
import { address, prefix } from "../../support/net.ts";
import { balancer, claim, endpoint, node, place, port, service, spec } from "../../support/spec.ts";

function guard(services: readonly string[], ...prefixes: readonly string[]) {
  return { prefixes: prefixes.map(prefix), services, origin: place() };
}

function expected(target: string, on: string | null = null): Spec["expects"][number] {
  const outcome = {
    kind: "reaches",
    targets: [{ service: target, endpoint: null, percent: null }],
    masquerade: null,
  } as const;
  return {
    node: on,
    protocol: "tcp",
    source: address("8.8.8.8"),
    destination: address("10.96.0.10"),
    port: 80,
    outcome,
    origin: place(),
  };
}

const second = (given = {}) => service({ name: "shop/zwei", vips: [claim("10.96.0.11")], ...given });
const local = { settingOrigins: { "external-policy": place(), "health-check-port": place(), scheduler: place() } };

describe("checkSpec", () => {
  it.each<[DiagnosticCode | "nothing", string, Spec]>([
    ["nothing", "an ordinary service", spec()],
    [
      "spec/vip-port-taken",
      "one address and port for two services",
      spec({ services: [service(), second({ vips: [claim("10.96.0.10")] })] }),
    ],
    [
      "spec/vip-port-taken",
      "one port twice in a service",
      spec({ services: [service({ ports: [port(), port({ name: "other" })] })] }),
    ],
    [
      "nothing",
      "one port number for tcp and udp",
      spec({ services: [service({ ports: [port(), port({ name: "other", protocol: "udp" })] })] }),
    ],
    [
      "spec/too-large",
      "addresses times ports times endpoints",
      spec({
        services: [
          service({
            vips: Array.from({ length: 1000 }, (_, i) => claim(`10.96.${i >> 8}.${i & 255}`)),
            ports: Array.from({ length: 500 }, (_, i) => port({ name: `p${i}`, port: i + 1 })),
            endpoints: Array.from({ length: 5 }, (_, i) => endpoint(`10.244.1.${i}`)),
          }),
        ],
      }),
    ],
    [
      "spec/too-large",
      "one list for many load balancers and ports",
      spec({
        services: [
          service({
            loadBalancers: Array.from({ length: 200 }, (_, i) =>
              balancer(
                `203.0.113.${i}`,
                Array.from({ length: 101 }, () => "10.0.0.0/8"),
              ),
            ),
            ports: Array.from({ length: 100 }, (_, i) => port({ name: `p${i}`, port: i + 1 })),
          }),
        ],
      }),
    ],
    [
      "spec/too-large",
      "weights without a common divisor for many addresses",
      spec({
        services: [
          service({
            vips: Array.from({ length: 1000 }, (_, i) => claim(`10.96.${i >> 8}.${i & 255}`)),
            ports: Array.from({ length: 5 }, (_, i) => port({ name: `p${i}`, port: i + 1 })),
            endpoints: [endpoint("10.244.1.1", { weight: 511 }), endpoint("10.244.1.2", { weight: 512 })],
          }),
        ],
      }),
    ],
    [
      "nothing",
      "equal weights for many addresses",
      spec({
        services: [
          service({
            vips: Array.from({ length: 1000 }, (_, i) => claim(`10.96.${i >> 8}.${i & 255}`)),
            ports: Array.from({ length: 5 }, (_, i) => port({ name: `p${i}`, port: i + 1 })),
            endpoints: [endpoint("10.244.1.1", { weight: 512 }), endpoint("10.244.1.2", { weight: 512 })],
          }),
        ],
      }),
    ],
    [
      "spec/too-large",
      "many guards for many addresses",
      spec({
        cluster: { guards: Array.from({ length: 15_000 }, () => guard(["shop/*"], "10.97.0.0/16")) },
        services: [
          service({
            vips: Array.from({ length: 700 }, (_, i) => claim(`10.96.${i >> 8}.${i & 255}`)),
            ports: [port()],
          }),
        ],
      }),
    ],
    [
      "spec/node-port-taken",
      "one node port for two services",
      spec({
        services: [service({ ports: [port({ nodePort: 30080 })] }), second({ ports: [port({ nodePort: 30080 })] })],
      }),
    ],
    [
      "spec/node-port-outside-range",
      "a node port outside the range",
      spec({
        services: [service({ ports: [port({ nodePort: 80 })] })],
        cluster: { nodePortRange: { first: 30000, last: 32767 } },
      }),
    ],
    [
      "spec/family-without-vip",
      "an IPv6 endpoint of an IPv4 service",
      spec({ services: [service({ endpoints: [endpoint("fd00::5")] })] }),
    ],
    [
      "nothing",
      "an IPv6 endpoint for an IPv6 external address",
      spec({ services: [service({ externals: [claim("2001:db8::80")], endpoints: [endpoint("fd00::5")] })] }),
    ],
    [
      "spec/duplicate-endpoint",
      "an endpoint twice",
      spec({ services: [service({ endpoints: [endpoint("10.0.0.1"), endpoint("10.0.0.1")] })] }),
    ],
    [
      "spec/duplicate-port",
      "a port name twice",
      spec({ services: [service({ ports: [port(), port({ port: 81 })] })] }),
    ],
    [
      "spec/duplicate-address",
      "an address as VIP and as external",
      spec({ services: [service({ externals: [claim("10.96.0.10")] })] }),
    ],
    [
      "spec/guard-violation",
      "an address kept for others",
      spec({ cluster: { guards: [guard(["infra/*"], "10.96.0.0/24")] } }),
    ],
    [
      "nothing",
      "an address kept for us",
      spec({ cluster: { guards: [guard(["infra/*"], "10.96.0.0/16"), guard(["shop/*"], "10.96.0.0/24")] } }),
    ],
    [
      "spec/vip-is-node-address",
      "a VIP that is the node's",
      spec({ services: [service({ vips: [claim("192.0.2.11")] })] }),
    ],
    [
      "spec/external-is-node-address",
      "an external address that is the node's",
      spec({ services: [service({ externals: [claim("192.0.2.11")] })] }),
    ],
    [
      "nothing",
      "the same, allowed",
      spec({
        services: [service({ externals: [claim("192.0.2.11")], allowedWarnings: ["spec/external-is-node-address"] })],
      }),
    ],
    [
      "nothing",
      "the same, allowed for the cluster",
      spec({
        services: [service({ externals: [claim("192.0.2.11")] })],
        cluster: { allowedWarnings: ["spec/external-is-node-address"] },
      }),
    ],
    [
      "spec/guard-violation",
      "an error cannot be allowed",
      spec({ cluster: { guards: [guard(["infra/*"], "10.96.0.0/24")], allowedWarnings: ["spec/guard-violation"] } }),
    ],
    ["spec/address-not-unicast", "a multicast VIP", spec({ services: [service({ vips: [claim("224.0.0.1")] })] })],
    [
      "spec/address-not-unicast",
      "a loopback endpoint",
      spec({ services: [service({ endpoints: [endpoint("127.0.0.1")] })] }),
    ],
    ["spec/address-not-unicast", "a link-local IPv6 VIP", spec({ services: [service({ vips: [claim("fe80::1")] })] })],
    ["spec/no-port", "a service without ports", spec({ services: [service({ ports: [] })] })],
    ["spec/no-address", "a service that nothing can reach", spec({ services: [service({ vips: [] })] })],
    ["nothing", "a node port alone", spec({ services: [service({ vips: [], ports: [port({ nodePort: 30080 })] })] })],
    ["spec/mark-conflict", "two uses of one mark bit", spec({ cluster: { dropBit: 14 } })],
    [
      "spec/external-policy-unused",
      "an external policy for nothing external",
      spec({ services: [service({ externalPolicy: "local", ...local })] }),
    ],
    [
      "spec/health-check-port-unused",
      "a health check port without a load balancer",
      spec({ services: [service({ healthCheckPort: 32000, ...local })] }),
    ],
    [
      "nothing",
      "a health check port of a local load balancer",
      spec({
        services: [
          service({
            healthCheckPort: 32000,
            loadBalancers: [balancer("198.51.100.7")],
            externalPolicy: "local",
            ...local,
          }),
        ],
      }),
    ],
    [
      "spec/node-port-loopback",
      "node ports on loopback",
      spec({ cluster: { nodePortAddresses: { kind: "prefixes", prefixes: [prefix("127.0.0.0/8")] } } }),
    ],
    [
      "spec/allow-other-family",
      "source ranges of the other family alone",
      spec({ services: [service({ loadBalancers: [balancer("198.51.100.7", ["2001:db8::/32"])] })] }),
    ],
    [
      "nothing",
      "source ranges of both families",
      spec({ services: [service({ loadBalancers: [balancer("198.51.100.7", ["2001:db8::/32", "8.8.8.0/24"])] })] }),
    ],
    [
      "spec/service-range-overlap",
      "a node in a service range",
      spec({
        cluster: { serviceRanges: [prefix("192.0.2.0/24")] },
        nodes: [node({ addresses: [address("192.0.2.11")] })],
      }),
    ],
    [
      "spec/service-range-overlap",
      "a service range inside the pods of the cluster",
      spec({ cluster: { pods: [prefix("10.0.0.0/8")], serviceRanges: [prefix("10.96.0.0/16")] } }),
    ],
    [
      "spec/service-range-overlap",
      "pods of a node in a service range",
      spec({ cluster: { serviceRanges: [prefix("10.0.0.0/8")] }, nodes: [node({ pods: [prefix("10.244.1.0/24")] })] }),
    ],
    [
      "nothing",
      "a service range beside nodes and pods",
      spec({
        cluster: { pods: [prefix("10.244.0.0/16")], serviceRanges: [prefix("10.96.0.0/16"), prefix("fd00:96::/112")] },
        nodes: [node({ addresses: [address("192.0.2.11")], pods: [prefix("10.244.1.0/24")] })],
      }),
    ],
    [
      "spec/rr-ignores-weights",
      "weights under rr",
      spec({
        services: [
          service({ scheduler: "rr", endpoints: [endpoint("10.0.0.1"), endpoint("10.0.0.2", { weight: 2 })] }),
        ],
      }),
    ],
    ["spec/unknown-service", "an expectation of no service", spec({ expects: [expected("shop/nobody")] })],
    ["spec/unknown-port", "an expectation of no port", spec({ expects: [expected("shop/web:ftp")] })],
    ["spec/unknown-node", "an expectation on no node", spec({ expects: [expected("shop/web:http", "worker-9")] })],
    ["nothing", "an expectation of what is there", spec({ expects: [expected("shop/web:http", "worker-1")] })],
  ])("%s: %s", (code, _, subject) => {
    specSchema.parse(subject);
    expect(checkSpec(subject).map((finding) => finding.code)).toEqual(code === "nothing" ? [] : [code]);
  });

  it.each([
    ["a service", expected("shop/wbe"), "did you mean `shop/web`?"],
    ["a service unlike all", expected("bank/vault"), null],
    ["a port", expected("shop/web:htp"), "did you mean `http`?"],
    ["a port unlike all", expected("shop/web:metrics"), "its ports: http"],
    ["a node", expected("shop/web", "wroker-1"), "did you mean `worker-1`?"],
    ["a node unlike all", expected("shop/web", "worker-9"), "declare it, or leave `on` out"],
  ])("tells what an expectation of %s may mean", (_, given, help) => {
    expect(checkSpec(spec({ expects: [given] })).map((finding) => finding.help)).toEqual([help]);
  });

  it("stops suggesting when nobody reads on", () => {
    const helps = checkSpec(spec({ expects: Array.from({ length: 150 }, () => expected("shop/wbe")) })).map(
      (finding) => finding.help,
    );
    expect(helps.filter((help) => help !== null)).toHaveLength(100);
  });

  it("points at both places of a conflict", () => {
    const first = port();
    const other = port();
    const [finding] = checkSpec(
      spec({ services: [service({ ports: [first] }), second({ vips: [claim("10.96.0.10")], ports: [other] })] }),
    );
    expect(finding?.location).toBe(other.origin);
    expect(finding?.notes.map((note) => note.location)).toEqual([first.origin]);
    expect(finding?.message).toBe("10.96.0.10 port 80/tcp is already served by shop/web");
  });

  it("says once that two nodes and services are fine", () => {
    expect(
      checkSpec(spec({ nodes: [node(), node({ name: "worker-2", addresses: [] })], services: [service(), second()] })),
    ).toEqual([]);
  });
});

describe("matchesPattern", () => {
  it.each([
    ["shop/*", "shop/web", true],
    ["shop/*", "shop/", true],
    ["*/*", "shop/web", true],
    ["*", "shop/web", false],
    ["shop/w*b", "shop/web", true],
    ["shop/w*b", "shop/webb", true],
    ["shop/w*b", "shop/webc", false],
    ["sh*/web", "shop/web", true],
    ["shop/web", "shop/web2", false],
    ["shop/.*", "shop/web", false],
  ])("%s and %s: %s", (pattern, name, expected) => expect(matchesPattern(pattern, name)).toBe(expected));

  it("ends soon on a pattern made to be slow", () => {
    expect(matchesPattern(`${"*a".repeat(100)}b`, "a".repeat(250))).toBe(false);
  });
});
