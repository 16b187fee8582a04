import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { objectsFromSpec } from "../../../compiler/kubernetes/from-spec.ts";
import { fragmentFromObjects } from "../../../compiler/kubernetes/read.ts";
import { printYaml } from "../../../compiler/kubernetes/yaml-text.ts";
import type { Spec } from "../../../compiler/spec/schema.ts";
import { address, prefix } from "../../support/net.ts";
import { balancer, claim, endpoint, node, place, port, service, spec } from "../../support/spec.ts";

const guard = { prefixes: [prefix("10.96.0.0/12")], services: ["shop/*"], origin: place() };
const expected: Spec["expects"][number] = {
  node: null,
  protocol: "tcp",
  source: address("192.0.2.1"),
  destination: address("10.96.0.10"),
  port: 80,
  outcome: { kind: "dropped" },
  origin: place(),
};
const withService = (given: Parameters<typeof service>[0]): Spec => spec({ services: [service(given)] });
const withCluster = (cluster: Partial<Spec["cluster"]>): Spec => spec({ cluster });

describe("what Kubernetes objects cannot say is an error", () => {
  it.each<[string, Spec]>([
    ["expect", spec({ expects: [expected] })],
    ["node-port-range", withCluster({ nodePortRange: { first: 30000, last: 32767 } })],
    ["drop-bit", withCluster({ dropBit: 5 })],
    ["reject-bit", withCluster({ rejectBit: 5 })],
    ["guard", withCluster({ guards: [guard] })],
    ["allow warning for the whole cluster", withCluster({ allowedWarnings: ["spec/no-address"] })],
    ["more than one range of pods in a family", withCluster({ pods: ["10.1.0.0/16", "10.2.0.0/16"].map(prefix) })],
    ["local-traffic none with ranges of pods", withCluster({ detector: { kind: "none" } })],
    ['node name "Worker_1"', spec({ nodes: [node({ name: "Worker_1" })] })],
    [
      "more than one range of pods in a family on node worker-1",
      spec({ nodes: [node({ pods: ["10.1.0.0/24", "10.2.0.0/24"].map(prefix) })] }),
    ],
    ["service name shop/Web", withService({ name: "shop/Web" })],
    ["service shop/web, which has no VIP,", withService({ vips: [] })],
    ["a second VIP 10.96.0.11 of a family", withService({ vips: [claim("10.96.0.10"), claim("10.96.0.11")] })],
    ["address 2001:db8::1", withService({ externals: [claim("2001:db8::1")] })],
    [
      "allow of 198.51.100.8",
      withService({ loadBalancers: [balancer("198.51.100.7"), balancer("198.51.100.8", ["203.0.113.0/24"])] }),
    ],
    [
      "a port without a name among several",
      withService({ ports: [port({ name: "" }), port({ name: "dns", port: 53 })] }),
    ],
    ['port name "http_1"', withService({ ports: [port({ name: "http_1" })] })],
    ["health-check-port of shop/web", withService({ healthCheckPort: 32000 })],
    ['node name "Worker_1"', withService({ endpoints: [endpoint("10.244.1.5", { node: "Worker_1" })] })],
    ['zone "_a"', withService({ endpoints: [endpoint("10.244.1.5", { hints: { zones: ["_a"], nodes: [] } })] })],
  ])("%s", (what, given) => {
    expect(objectsFromSpec(given).diagnostics.map((finding) => finding.message)).toEqual([
      `${what} cannot be written as Kubernetes objects`,
    ]);
  });
});

describe("objects", () => {
  it("say no more than the spec does", () => {
    expect(objectsFromSpec(spec({ nodes: [], services: [], cluster: { pods: [] } })).text).toBe("");
  });

  it("hold a thousand endpoints in a slice, one slice for each weight and set of ports", () => {
    const many = Array.from({ length: 1001 }, (_, at) => endpoint(`10.${Math.floor(at / 250)}.0.${(at % 250) + 1}`));
    const own = endpoint("10.9.0.1", { ports: [{ name: "http", protocol: "tcp", port: 9 }] });
    const weighted = [endpoint("10.9.0.2", { weight: 2 }), endpoint("10.9.0.3", { weight: 2 })];
    const { text } = objectsFromSpec(spec({ services: [service({ endpoints: [...many, own, ...weighted] })] }));
    const slices = text
      .split("---\n")
      .map((document) => parse(document))
      .filter((object) => object.kind === "EndpointSlice");
    expect(slices.map((slice) => [slice.metadata.name, slice.endpoints.length, slice.ports[0].port])).toEqual([
      ["web-1", 1000, 8080],
      ["web-2", 1, 8080],
      ["web-3", 1, 9],
      ["web-4", 2, 8080],
    ]);
    expect(slices[3].metadata.annotations).toEqual({ "weir/weight": "2" });
  });
});

describe("an address that is listed twice", () => {
  it("keeps the place that counts, whatever slices its lines go into", () => {
    const endpoints = [
      endpoint("10.244.1.1"),
      endpoint("10.244.1.2", { weight: 2 }),
      endpoint("10.244.1.2"),
      endpoint("10.244.1.3"),
    ];
    const { text } = objectsFromSpec(withService({ endpoints }));
    const read = fragmentFromObjects({ path: "objects.yaml", text }).fragment.endpointGroups;
    const order = read.flatMap((group) => group.endpoints.map((item) => [item.address.text, item.weight]));
    expect(order.filter(([address]) => address === "10.244.1.2")).toEqual([
      ["10.244.1.2", 2],
      ["10.244.1.2", 1],
    ]);
  });
});

describe("printYaml", () => {
  it.each([
    "yes",
    "NO",
    "on",
    "y",
    "null",
    "true",
    "1",
    "1e3",
    "0x1",
    "1_000",
    "2026-11-22",
    "~",
    "",
    " a",
    "a: b",
    "a #b",
    "fd00::1",
    "-",
    "- a",
    "*a",
    "&a",
    "!a",
    'a"b',
    "a\nb",
    "web-1",
    "10.96.0.1",
    "10.0.0.0/8",
    "discovery.k8s.io/v1",
    ".inf",
    "weir/weight",
  ])("text %j is read as the same text, by YAML 1.1 too", (text) => {
    const printed = printYaml({ key: text, list: [text] });
    expect(parse(printed)).toEqual({ key: text, list: [text] });
    expect(parse(printed, { version: "1.1" })).toEqual({ key: text, list: [text] });
  });

  it("lays out mappings and lists in block style", () => {
    const value = { a: 1, b: { c: [], d: {}, e: undefined, f: [{ g: true, h: [1, 2] }] } };
    expect(printYaml(value)).toBe("a: 1\nb:\n  c: []\n  d: {}\n  f:\n  - g: true\n    h:\n    - 1\n    - 2\n");
  });
});
