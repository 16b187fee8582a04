import { describe, expect, it } from "vitest";
import { endpointSchema } from "../../../compiler/spec/schema.ts";
import { read, sliceText } from "./support.ts";

function groupOf(text: string) {
  const { fragment, diagnostics } = read(text);
  const [group] = fragment.endpointGroups;
  for (const endpoint of group?.endpoints ?? []) endpointSchema.parse(endpoint);
  return { group, codes: diagnostics.map((finding) => finding.code) };
}

const at = (text: string, more: object = {}): object => ({ addresses: [text], ...more });

describe("which slices count", () => {
  it("the label names the service, whatever the slice is called", () => {
    const { group } = groupOf(sliceText({ endpoints: [at("10.244.1.5")] }, { name: "something-else" }));
    expect(group?.service).toBe("shop/web");
  });

  it.each([
    ["of host names", sliceText({ addressType: "FQDN", endpoints: [at("a.example.com")] })],
    ["of headless services", sliceText({}, { labels: { "service.kubernetes.io/headless": "" } })],
    ["of other proxies", sliceText({}, { labels: { "service.kubernetes.io/service-proxy-name": "other" } })],
  ])("those %s are nobody's", (_, text) => {
    expect(groupOf(text)).toEqual({ group: undefined, codes: [] });
  });
});

describe("endpoints", () => {
  it("have their first address; without one they do not exist", () => {
    const endpoints = [{ addresses: ["10.244.1.5", "10.244.1.6"] }, { addresses: [] }, { addresses: null }];
    expect(groupOf(sliceText({ endpoints })).group?.endpoints.map((item) => item.address.text)).toEqual(["10.244.1.5"]);
    expect(groupOf(sliceText({ endpoints: null })).group?.endpoints).toEqual([]);
  });

  it("are ready, serving and not terminating unless they say otherwise", () => {
    const conditions = [undefined, null, {}, { ready: null }, { ready: false }, { serving: false, terminating: true }];
    const endpoints = conditions.map((condition, index) => at(`10.244.1.${index}`, { conditions: condition }));
    const states = groupOf(sliceText({ endpoints })).group?.endpoints.map(({ ready, serving, terminating }) => [
      ready,
      serving,
      terminating,
    ]);
    const usual = [true, true, false];
    expect(states).toEqual([usual, usual, usual, usual, [false, true, false], [true, false, true]]);
  });

  it("run on the node they name; zone and hostname play no part", () => {
    const endpoints = [
      at("10.244.1.5", { nodeName: "worker-1", zone: "a" }),
      at("10.244.1.6", { hostname: "worker-1" }),
    ];
    expect(groupOf(sliceText({ endpoints })).group?.endpoints.map((item) => item.node)).toEqual(["worker-1", null]);
  });

  it("carry their hints", () => {
    const endpoints = [
      at("10.244.1.5", { hints: { forZones: [{ name: "a" }, { name: "b" }], forNodes: [{ name: "worker-1" }] } }),
      at("10.244.1.6", { hints: { forZones: [] } }),
      at("10.244.1.7"),
    ];
    expect(groupOf(sliceText({ endpoints })).group?.endpoints.map((item) => item.hints)).toEqual([
      { zones: ["a", "b"], nodes: ["worker-1"] },
      null,
      null,
    ]);
  });

  it("share one list of ports, without those that have no name or number", () => {
    const ports = [
      { name: "http", port: 8080 },
      { name: "", port: 81, protocol: "UDP" },
      { port: 82 },
      { name: "none" },
      { name: "zero", port: 0 },
    ];
    const { group, codes } = groupOf(sliceText({ ports, endpoints: [at("10.244.1.5"), at("10.244.1.6")] }));
    expect(codes).toEqual([]);
    expect(group?.endpoints[0]?.ports).toEqual([
      { name: "http", protocol: "tcp", port: 8080 },
      { name: "", protocol: "udp", port: 81 },
    ]);
    expect(group?.endpoints[1]?.ports).toBe(group?.endpoints[0]?.ports);
  });

  it("take weight and thresholds from the slice's annotations", () => {
    const annotations = { "weir/weight": "3", "weir/max-connections": "100", "weir/min-connections": "80" };
    const { group } = groupOf(sliceText({ endpoints: [at("10.244.1.5")] }, { annotations }));
    expect(group?.endpoints[0]).toMatchObject({ weight: 3, upperThreshold: 100, lowerThreshold: 80 });
  });

  it.each([
    ["weir/weight", "65536"],
    ["weir/weight", "1.5"],
    ["weir/min-connections", "5"],
  ])("annotation %s: %s is an error", (key, value) => {
    expect(groupOf(sliceText({}, { annotations: { [key]: value } })).codes).toEqual(["kubernetes/invalid-annotation"]);
  });

  it.each([
    [{ endpoints: [at("fd00::5")] }, "kubernetes/invalid-address"],
    [{ endpoints: [at("10.244.1")] }, "kubernetes/invalid-address"],
    [{ endpoints: [at("10.244.1.5", { nodeName: "a b" })] }, "kubernetes/invalid-name"],
    [{ endpoints: [at("10.244.1.5", { hints: { forZones: [{ name: "a\nb" }] } })] }, "kubernetes/invalid-name"],
    [{ endpoints: [at("10.244.1.5", { conditions: { ready: "yes" } })] }, "kubernetes/invalid-field"],
    [{ ports: [{ name: "http;", port: 1 }] }, "kubernetes/invalid-name"],
    [{ addressType: "IPv5" }, "kubernetes/invalid-field"],
  ])("%j is an error", (slice, code) => {
    expect(groupOf(sliceText(slice)).codes).toEqual([code]);
  });
});
