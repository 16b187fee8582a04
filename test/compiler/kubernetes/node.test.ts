import { describe, expect, it } from "vitest";
import { read } from "./support.ts";

function nodeText(fields: object, metadata: object = {}): string {
  return JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name: "worker-1", ...metadata }, ...fields });
}

describe("nodes", () => {
  it("have their internal addresses before external ones, ranges of pods, and a zone", () => {
    const addresses = [
      { type: "Hostname", address: "worker-1" },
      { type: "ExternalIP", address: "198.51.100.11" },
      { type: "InternalIP", address: "192.0.2.011" },
      { type: "InternalIP", address: "2001:DB8::11" },
      { type: "ExternalIP", address: "192.0.2.11" },
    ];
    const text = nodeText(
      { spec: { podCIDR: "10.244.1.0/24", podCIDRs: ["10.244.1.0/24", "fd00:10:244:1::/64"] }, status: { addresses } },
      { labels: { "topology.kubernetes.io/zone": "eu-a" } },
    );
    const [node] = read(text).fragment.nodes;
    expect(node).toMatchObject({ name: "worker-1", zone: "eu-a" });
    expect(node?.addresses.map((address) => address.text)).toEqual(["192.0.2.11", "2001:db8::11", "198.51.100.11"]);
    expect(node?.pods.map((prefix) => prefix.text)).toEqual(["10.244.1.0/24", "fd00:10:244:1::/64"]);
  });

  it("may have one range alone, an empty zone label, or nothing", () => {
    const labels = { "topology.kubernetes.io/zone": "" };
    const { fragment, diagnostics } = read(nodeText({ spec: { podCIDR: "10.244.1.0/24" } }, { labels }));
    expect(diagnostics).toEqual([]);
    expect(fragment.nodes[0]).toMatchObject({ zone: null, addresses: [] });
    expect(fragment.nodes[0]?.pods.map((prefix) => prefix.text)).toEqual(["10.244.1.0/24"]);
    expect(read(nodeText({})).fragment.nodes[0]).toMatchObject({ pods: [], addresses: [] });
  });

  it.each([
    [nodeText({}, { name: 'a"b' }), "kubernetes/invalid-name"],
    [nodeText({}, { labels: { "topology.kubernetes.io/zone": "a b" } }), "kubernetes/invalid-name"],
    [nodeText({ status: { addresses: [{ type: "InternalIP", address: "here" }] } }), "kubernetes/invalid-address"],
    [nodeText({ spec: { podCIDR: "10.244.1.0" } }), "kubernetes/invalid-address"],
    [nodeText({ spec: { podCIDRs: ["10.244.1.0/33"] } }), "kubernetes/invalid-address"],
    [nodeText({ spec: [] }), "kubernetes/invalid-field"],
  ])("%s is an error", (text, code) => {
    expect(read(text).diagnostics.map((finding) => finding.code)).toEqual([code]);
  });
});

describe("service ranges", () => {
  it("are those of all ServiceCIDR objects", () => {
    const range = (name: string, cidrs: readonly string[]): string =>
      JSON.stringify({ apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR", metadata: { name }, spec: { cidrs } });
    const { fragment } = read(`${range("a", ["10.96.0.0/12", "fd00::/108"])}\n${range("b", ["10.32.0.0/16"])}`);
    const texts = fragment.settings.flatMap((setting) =>
      setting.key === "serviceRanges" ? setting.value.map((prefix) => prefix.text) : [],
    );
    expect(texts).toEqual(["10.96.0.0/12", "fd00::/108", "10.32.0.0/16"]);
  });
});
