import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deltaIpvs } from "../../../../compiler/backends/ipvs/delta.ts";
import { withDraining } from "../../../../compiler/backends/ipvs/delta-draining.ts";
import { lowerIpvs } from "../../../../compiler/backends/ipvs/lower.ts";
import type { IpvsProgram } from "../../../../compiler/backends/ipvs/program.ts";
import { simulateIpvs } from "../../../../compiler/backends/ipvs/simulate.ts";
import { endingsOf } from "../../../../compiler/backends/simulation.ts";
import type { IrFrontend } from "../../../../compiler/ir/ir.ts";
import { essenceOf, IpvsModel, ipvsWorld } from "../../../support/ipvs-model.ts";
import { clusterRoutes, frontend, nodePortFrontend, testIr } from "../../../support/ir.ts";
import { rowsOf, worldText } from "../../../support/random-worlds.ts";

const always = () => true;
const [one, two] = ["10.244.1.5:8080 local", "10.244.2.7:8080"];

function lowered(...frontends: readonly IrFrontend[]): IpvsProgram {
  return lowerIpvs(testIr({ serviceRanges: ["10.96.0.0/16"], frontends })).program;
}

function web(...endpoints: readonly string[]): IrFrontend {
  return frontend("10.96.0.10:80", { key: "t/web", routes: clusterRoutes(endpoints) });
}

function stepsOf(before: IpvsProgram | null, after: IpvsProgram | null): readonly string[] {
  return deltaIpvs(before, after).flatMap(({ operations }) =>
    operations.map(({ action, object, name }) => `${action} ${object} ${name}`),
  );
}

describe("what goes on with its connections", () => {
  it("is a handful of operations for an endpoint that is replaced", () => {
    const [before, after] = [lowered(web(one)), lowered(web(two))];
    expect(stepsOf(before, withDraining(before, after, always))).toEqual([
      "add real server 10.96.0.10:80/tcp -> 10.244.2.7:8080 weight 1",
      "replace real server 10.96.0.10:80/tcp -> 10.244.1.5:8080 weight 0",
      "delete element weir-hairpin 10.244.1.5,tcp:8080,10.244.1.5",
    ]);
  });

  it("is refused to new connections when its service is gone", () => {
    const other = frontend("10.96.0.10:81", { key: "t/other", routes: clusterRoutes([one]) });
    const lonely = frontend("10.96.0.11:80", { key: "t/lonely", routes: clusterRoutes([one]) });
    const outside = frontend("192.0.2.7:80", { key: "t/outside", kind: "external", routes: clusterRoutes([one]) });
    const port = nodePortFrontend("ipv4", 30080, { key: "t/web", routes: clusterRoutes([one]) });
    const [before, after] = [lowered(web(one), other, lonely, outside, port), lowered(other)];
    const kept = withDraining(before, after, always);
    const elements = kept?.sets.find((set) => set.name === "weir-frontends")?.elements ?? [];
    expect(elements.map((each) => ("comment" in each ? [each.comment, each.action?.value.toString(16)] : []))).toEqual([
      ["t/web", "40001000"],
      ["t/other", "40004000"],
      ["t/lonely", "40008000"],
      ["t/outside", "40001000"],
    ]);
    expect(kept?.sets.find((set) => set.name === "weir-node-ports")?.elements).toEqual([]);
    expect(kept?.routing.ipv4?.prefixes.map((prefix) => prefix.text)).toEqual(["10.96.0.0/16", "192.0.2.7/32"]);
    expect(kept?.virtualServers.filter((server) => server.realServers.every((real) => real.weight === 0))).toHaveLength(
      4,
    );
  });

  it("passes all new connections when everything goes", () => {
    const before = lowered(web(one));
    const kept = withDraining(before, null, always);
    expect(stepsOf(before, kept)).toEqual([
      "replace chain iptables mangle WEIR-IPVS-IN",
      "replace chain iptables mangle WEIR-IPVS-OUT",
      "replace real server 10.96.0.10:80/tcp -> 10.244.1.5:8080 weight 0",
    ]);
    expect(withDraining(before, null, () => false)).toBeNull();
  });

  it("changes nothing of what is served, and nothing when repeated", { timeout: 180_000 }, async () => {
    const pairs = fc.tuple(worldText, worldText).map(([a, b]) => {
      const blocks = a.split("\n\n");
      return [a, [...blocks.slice(0, 3), ...b.split("\n\n").slice(3)].join("\n\n")] as const;
    });
    await fc.assert(
      fc.asyncProperty(pairs, async ([a, b]) => {
        const [before, after] = [await ipvsWorld(a), await ipvsWorld(b)];
        if (before === null || after === null) return;
        const kept = withDraining(before.program, after.program, always);
        if (kept === null) throw new Error("nothing is left");
        expect(essenceOf(withDraining(kept, after.program, always))).toBe(essenceOf(kept));
        const model = new IpvsModel(before.program);
        model.run(model.plan(before.program, kept));
        expect(essenceOf(model.program())).toBe(essenceOf(kept));
        expect(essenceOf(withDraining(model.program(), after.program, () => false))).toBe(essenceOf(after.program));
        const surroundings = { nodeAddresses: after.ir.node.addresses };
        for (const { packet, label } of rowsOf(after.ir, 60)) {
          const [is, wanted] = [kept, after.program].map((program) =>
            endingsOf(simulateIpvs(program, surroundings, packet)).map(({ end }) =>
              JSON.stringify(end, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
            ),
          );
          // an address that is no more weir's is refused while its connections last
          if (wanted?.join() !== '{"kind":"pass"}') expect(new Set(is), label).toEqual(new Set(wanted));
        }
      }),
      { seed: 3, numRuns: 25 },
    );
  });
});

describe("a mark that another frontend gets", () => {
  it("never leads one frontend's connections to the other's servers", () => {
    const first = nodePortFrontend("ipv4", 30080, { key: "t/first", routes: clusterRoutes([one]) });
    const second = nodePortFrontend("ipv4", 30081, { key: "t/second", routes: clusterRoutes([two]) });
    const before = lowered(first);
    const mark = before.virtualServers[0]?.id;
    const after = lowered(second);
    if (mark?.kind !== "mark") throw new Error("a node port is found by mark");
    // as if both names had one hash
    const moved: IpvsProgram = {
      ...after,
      virtualServers: after.virtualServers.map((server) => ({ ...server, id: mark })),
      sets: after.sets.map((set) => ({
        ...set,
        elements: set.elements.map((element) =>
          "action" in element && element.action !== null
            ? { ...element, action: { ...element.action, value: (mark.mark | 0x4000) >>> 0 } }
            : element,
        ),
      })),
    };
    const model = new IpvsModel(before);
    const seen = new Set<string>();
    model.run(model.plan(before, moved), () => {
      const now = model.program();
      const ports = now.sets.flatMap((set) =>
        set.elements.flatMap((each) => (each.kind === "net-port" ? [each.port] : [])),
      );
      const servers = now.virtualServers.flatMap((server) => server.realServers.map((real) => real.address.text));
      if (ports.includes(30080)) seen.add(`first -> ${servers}`);
      if (ports.includes(30081)) seen.add(`second -> ${servers}`);
    });
    expect([...seen].sort()).toEqual(["first -> 10.244.1.5", "second -> 10.244.2.7"]);
  });
});
