import { describe, expect, it } from "vitest";
import { backendNames, loadBackend } from "../../../compiler/backends/registry.ts";
import { loadSimulator } from "../../../compiler/backends/simulator.ts";
import { compareSpecs } from "../../../compiler/diff/compare.ts";
import { confirmSide } from "../../../compiler/diff/confirm.ts";
import { outlineOf } from "../../../compiler/diff/outline.ts";
import { renderDiffText } from "../../../compiler/diff/render-text.ts";
import type { NodeIr } from "../../../compiler/ir/ir.ts";
import { fragmentOf, irOf, specOf } from "../../../compiler/pipeline.ts";
import type { Spec } from "../../../compiler/spec/schema.ts";
import { addressBetween, changeService, largeSpec, middleService, readLarge } from "../../support/large-spec.ts";

async function specFrom(text: string): Promise<Spec> {
  const { fragment } = await fragmentOf({ path: "a.weir", text });
  return specOf([fragment]).spec;
}

const plain = `cluster { pods 10.244.0.0/16
  service-range 10.96.0.0/16 }
node worker-1 { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  load-balancer 203.0.113.80 allow 198.51.100.0/24
  port http tcp 80 -> 8080
  endpoint 10.244.1.5
  endpoint 10.244.2.7
}
`;

async function diffOf(old: Spec, now: Spec, node = "worker-1") {
  const nodes = [{ name: node, before: irOf(old, node).ir, after: irOf(now, node).ir }];
  return compareSpecs({
    old: { name: "old", spec: old },
    new: { name: "new", spec: now },
    nodes,
    backends: backendNames,
  });
}

/** The first concern, or none, and what all clients outside meet afterwards. */
async function concernsOf(change: (text: string) => string): Promise<readonly string[]> {
  const diff = await diffOf(await specFrom(plain), await specFrom(change(plain)));
  return [...diff.concerns, ...diff.nodes.flatMap(({ concerns }) => concerns)].map(
    ({ kind, what }) => `${kind}: ${what}`,
  );
}

describe("what comes first", () => {
  it.each([
    [
      "a range that is narrowed",
      (text: string) => text.replace("100.0/24", "100.0/25"),
      ["notice: 203.0.113.80:80/tcp of shop/web:http keeps out 198.51.100.128/25"],
    ],
    [
      "an endpoint more",
      (text: string) =>
        text.replace("}\n", "}\n").replace("  endpoint 10.244.2.7\n", "  endpoint 10.244.2.7\n  endpoint 10.244.2.8\n"),
      [],
    ],
    ["a cluster VIP more", (text: string) => text.replace("vip 10.96.0.10", "vip 10.96.0.10, 10.96.0.11"), []],
    [
      "an external address",
      (text: string) => text.replace("  vip", "  external 203.0.113.9\n  vip"),
      ["exposure: 203.0.113.9:80/tcp of shop/web:http is newly reachable from outside, for everyone"],
    ],
    [
      "the last endpoint gone",
      (text: string) => text.replace(/ {2}endpoint .*\n/g, ""),
      ["notice: 203.0.113.80:80/tcp of shop/web:http is no longer reachable from outside: it is rejected"],
    ],
    [
      "a guard that comes",
      (text: string) => text.replace("cluster {", "cluster { guard vip 203.0.113.0/24 for shop/*\n"),
      [],
    ],
  ] as const)("%s", async (_, change, expected) => {
    expect(await concernsOf(change)).toEqual(expected);
  });

  it.each([
    ["gone and used", "", true],
    ["gone for one of its ranges and used", "guard vip 203.0.113.0/28 for shop/*\n", true],
    ["moved to whoever claims it now", "guard vip 203.0.113.0/24 for shop/*, new/*\n", true],
    [
      "kept beside another that admits it",
      "guard vip 203.0.113.0/24 for shop/*\n guard vip 203.0.113.0/24 for new/*\n",
      false,
    ],
  ])("a guard that is %s", async (_, guards, isTaken) => {
    const other = "service new/api {\n  vip 203.0.113.81\n  port tcp 81\n}\n";
    const guarded = (text: string) => plain.replace("cluster {", `cluster { ${text}`);
    const old = await specFrom(guarded("guard vip 203.0.113.0/24 for shop/*\n"));
    const diff = await diffOf(old, await specFrom(guarded(guards) + other));
    const taken = "new/api claims 203.0.113.81, which was guarded before: 203.0.113.0/24 for shop/*";
    expect(diff.concerns.filter(({ kind }) => kind === "exposure").map(({ what }) => what)).toEqual(
      isTaken ? [taken] : [],
    );
  });

  it("an address that another service takes over", async () => {
    const other = plain.replace("shop/web", "shop/other");
    expect(await concernsOf(() => other)).toContain(
      "exposure: 203.0.113.80:80/tcp leads to shop/other:http now, and led to shop/web:http before",
    );
  });
});

async function follow(name: (typeof backendNames)[number], meaning: NodeIr, loaded: NodeIr) {
  const backend = await loadBackend(name);
  const { program } = backend.lower(loaded);
  const simulator = (await loadSimulator(name)).open(program, { nodeAddresses: loaded.node.addresses });
  return { ir: meaning, backend: name, simulator };
}

describe.each(backendNames)("the rules of %s", (name) => {
  const changes = [
    (text: string) => text.replace("10.244.2.7", "10.244.2.8"),
    (text: string) => text.replace("endpoint 10.244.2.7", "endpoint 10.244.2.7 weight 2"),
    (text: string) => text.replace(" allow 198.51.100.0/24", ""),
    (text: string) => text.replace("pods 10.244.0.0/16", "pods 10.245.0.0/16"),
  ];

  it.each(changes.map((change) => [change.toString().slice(-40), change] as const))(
    "are not taken for those of another spec: %s",
    async (_, change) => {
      const [old, now] = [await specFrom(plain), await specFrom(change(plain))].map(
        (spec) => irOf(spec, "worker-1").ir,
      );
      if (old === undefined || now === undefined) throw new Error("there are two specs");
      const frontends = now.frontends.ipv4.map((after) => ({ before: null, after }));
      const honest = await follow(name, now, now);
      const wrong = await follow(name, now, old);
      const send = (side: typeof honest) => frontends.map((pair) => confirmSide(side, pair, pair.after).packets);
      expect(Math.min(...send(honest))).toBeGreaterThan(0);
      // the proxy hides every source, so it cannot tell who is a pod
      if (name !== "userspace" || !change(plain).includes("10.245")) expect(() => send(wrong)).toThrow(name);
    },
  );
});

it("tells of one changed endpoint in 1,000 services in less than 15 lines", async () => {
  const spec = largeSpec();
  const at = middleService("plain");
  const changed = changeService(spec, at, (service) => ({
    ...service,
    endpoints: service.endpoints.map((each, index) =>
      index === 3 ? { ...each, address: addressBetween(at, 3) } : each,
    ),
  }));
  const text = renderDiffText(outlineOf(await diffOf(await readLarge(spec), await readLarge(changed))));
  expect(text.split("\n").length).toBeLessThan(15);
  expect(text.split("\n").slice(0, 5).join("\n")).toContain(addressBetween(at, 3));
});
