import { describe, expect, it } from "vitest";
import { type ClusterSetting, emptyFragment, type SpecFragment } from "../../../compiler/spec/fragment.ts";
import { mergeFragments } from "../../../compiler/spec/merge.ts";
import { specSchema } from "../../../compiler/spec/schema.ts";
import { prefix } from "../../support/net.ts";
import { claim, endpoint, node, place, service } from "../../support/spec.ts";

function fragment(given: Partial<SpecFragment>): SpecFragment {
  return { ...emptyFragment, ...given };
}

const pods = (...texts: readonly string[]): ClusterSetting => ({
  key: "pods",
  value: texts.map(prefix),
  origin: place(),
});
const masquerade = (value: boolean): ClusterSetting => ({ key: "masqueradeAll", value, origin: place() });
const range = (last: number): ClusterSetting => ({
  key: "nodePortRange",
  value: { first: 30000, last },
  origin: place(),
});

describe("mergeFragments", () => {
  it("joins lists, in an order that inputs do not change", () => {
    const one = fragment({ settings: [pods("10.244.0.0/16")] });
    const two = fragment({ settings: [pods("fd00::/48", "10.244.0.0/16")] });
    const texts = (spec: ReturnType<typeof mergeFragments>) => spec.spec.cluster.pods.map((item) => item.text);
    expect(texts(mergeFragments([one, two]))).toEqual(texts(mergeFragments([two, one])));
    expect([...texts(mergeFragments([one, two]))].sort()).toEqual(["10.244.0.0/16", "fd00::/48"]);
  });

  it("joins a list that has twenty thousand lines", () => {
    const settings = Array.from({ length: 20_000 }, (_, at) => pods(`10.${at >> 8}.${at & 255}.0/24`));
    expect(mergeFragments([fragment({ settings })]).spec.cluster.pods).toHaveLength(20_000);
  });

  it("accepts a setting twice when it says the same", () => {
    const merged = mergeFragments([
      fragment({ settings: [masquerade(true), range(32767)] }),
      fragment({ settings: [range(32767)] }),
    ]);
    expect(merged.diagnostics).toEqual([]);
    expect(merged.spec.cluster.masqueradeAll).toBe(true);
    specSchema.parse(merged.spec);
  });

  it("refuses a setting twice when it differs", () => {
    const { diagnostics } = mergeFragments([fragment({ settings: [range(32767), range(32000)] })]);
    expect(diagnostics.map((finding) => finding.message)).toEqual([
      "cluster setting node-port-range is given twice, with different values",
    ]);
  });

  it("refuses names twice", () => {
    const twice = fragment({ services: [service(), service()], nodes: [node(), node()] });
    expect(mergeFragments([twice]).diagnostics.map((finding) => finding.code)).toEqual([
      "spec/duplicate-node",
      "spec/duplicate-service",
    ]);
  });

  it("adds the endpoints of slices, only in families that the service has", () => {
    const slice = { service: "shop/web", endpoints: [endpoint("10.0.0.1"), endpoint("fd00::1")], origin: place() };
    const merge = (vips: readonly string[]) =>
      mergeFragments([
        fragment({ endpointGroups: [slice] }),
        fragment({ services: [service({ vips: vips.map(claim) })] }),
      ]).spec.services[0]?.endpoints.map((item) => item.address.text);
    expect(merge(["10.96.0.10"])).toEqual(["10.0.0.1"]);
    expect(merge(["10.96.0.10", "fd00::10"])).toEqual(["10.0.0.1", "fd00::1"]);
    expect(merge([])).toEqual(["10.0.0.1", "fd00::1"]);
  });

  it("notes endpoints of services that are not served", () => {
    const { diagnostics } = mergeFragments([
      fragment({ endpointGroups: [{ service: "shop/none", endpoints: [], origin: place() }] }),
    ]);
    expect(diagnostics.map((finding) => [finding.severity, finding.code])).toEqual([["note", "spec/orphan-endpoints"]]);
  });
});
