import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deltaIptables } from "../../../../compiler/backends/iptables/delta.ts";
import { lowerIptables } from "../../../../compiler/backends/iptables/lower.ts";
import { parseRuleset } from "../../../../compiler/backends/iptables/parse.ts";
import { printRuleset } from "../../../../compiler/backends/iptables/print.ts";
import type { IptablesProgram, IptablesRuleset } from "../../../../compiler/backends/iptables/program.ts";
import { lowerIpvs } from "../../../../compiler/backends/ipvs/lower.ts";
import type { Step } from "../../../../compiler/backends/step.ts";
import { textOf } from "../../../../compiler/backends/text.ts";
import { lowerUserspace } from "../../../../compiler/backends/userspace/lower.ts";
import type { NodeIr } from "../../../../compiler/ir/ir.ts";
import { type Family, families } from "../../../../compiler/net/address.ts";
import { specBlocks } from "../../../support/arbitraries.ts";
import { anyRoute, clusterRoutes, frontend, nodePortFrontend, testIr } from "../../../support/ir.ts";
import { readBlocks } from "../../../support/random-specs.ts";
import { listingOfModel, type ModelTables, restoreSteps } from "../../../support/restore-model.ts";

function inputsOf(steps: readonly Step[], family: Family): string {
  return steps.flatMap((step) => (step.kind === "iptables" && step.family === family ? step.input : [])).join("");
}

function isEmpty(ruleset: IptablesRuleset): boolean {
  return ruleset.tables.length + ruleset.jumps.length === 0;
}

/** The program that a model's tables hold. */
function read(family: Family, tables: ModelTables): IptablesRuleset | null {
  const ruleset = parseRuleset(family, listingOfModel(tables));
  return isEmpty(ruleset) ? null : ruleset;
}

function program(...frontends: Parameters<typeof frontend>[1][]): IptablesProgram {
  return lowerIptables(
    testIr({ frontends: frontends.map((options, index) => frontend(`10.96.0.${index + 1}:53`, options)) }),
  ).program;
}

const rulesByBackend: readonly ((ir: NodeIr) => IptablesProgram)[] = [
  (ir) => lowerIptables(ir).program,
  (ir) => lowerUserspace(ir).program.rules,
];

describe("a delta of iptables programs", () => {
  it("leads from any program to any other in the model of the kernel, and every state between is legal", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(specBlocks, { minLength: 2, maxLength: 3 }), async (specs) => {
        const irs = await Promise.all(specs.map(readBlocks));
        const programs = irs.flatMap((ir) => rulesByBackend.map((rules) => rules(ir)));
        for (const family of families) {
          let tables: ModelTables = new Map();
          let before: IptablesProgram | null = null;
          for (const after of [...programs, null, programs[0] ?? null, null]) {
            const steps = deltaIptables(before, after);
            const states = restoreSteps(tables, inputsOf(steps, family));
            tables = states.at(-1) ?? tables;
            expect(read(family, tables)).toEqual(after?.[family] ?? null);
            expect(deltaIptables(after, after === null ? null : copyOf(after))).toEqual([]);
            before = after;
          }
        }
      }),
      { numRuns: 12 },
    );
  });

  it("loads filter before nat and takes nat away before filter", () => {
    const one = program({ routes: clusterRoutes(["10.244.1.5:53"]) });
    const tablesOf = (steps: readonly Step[]) => inputsOf(steps, "ipv4").match(/^\*\w+$/gm);
    expect(tablesOf(deltaIptables(null, one))).toEqual(["*filter", "*nat"]);
    expect(tablesOf(deltaIptables(one, null))).toEqual(["*nat", "*filter"]);
    const ipvs = companions();
    expect(tablesOf(deltaIptables(null, ipvs))).toEqual(["*filter", "*nat", "*mangle"]);
    expect(tablesOf(deltaIptables(ipvs, null))).toEqual(["*mangle", "*nat", "*filter"]);
  });

  it("obeys the marks of before and after while marks change", () => {
    const ir = testIr({ frontends: [frontend("10.96.0.1:53", { routes: clusterRoutes(["10.244.1.5:53"]) })] });
    const one = lowerIptables(ir).program;
    const two = lowerIptables({ ...ir, marks: { ...ir.marks, drop: 0x80000 } }).program;
    const loaded = restoreSteps(new Map(), inputsOf(deltaIptables(null, one), "ipv4")).at(-1) ?? new Map();
    const states = restoreSteps(loaded, inputsOf(deltaIptables(one, two), "ipv4"));
    const drops = states.map((state) =>
      state
        .get("filter")
        ?.get("WEIR-VERDICTS")
        ?.filter((rule) => rule.endsWith("DROP")),
    );
    expect(drops.map((rules) => rules?.map((rule) => /--mark (\S+)/.exec(rule)?.[1]))).toEqual([
      ["0x80000/0x80000", "0x8000/0x8000"],
      ["0x80000/0x80000", "0x8000/0x8000"],
      ["0x80000/0x80000"],
    ]);
    expect(states.map((state) => state.get("nat")?.get("WEIR-DROP")?.[0])).toEqual([
      expect.stringContaining("0x8000/"),
      expect.stringContaining("0x80000/"),
      expect.stringContaining("0x80000/"),
    ]);
  });

  it("empties chains that rules of others refer to", () => {
    const one = program({ routes: clusterRoutes(["10.244.1.5:53"]) });
    const steps = deltaIptables(one, null, {
      flavour: "legacy",
      isPinned: (family, table, chain) => family === "ipv4" && table === "filter" && chain === "WEIR-VERDICTS",
    });
    expect(inputsOf(steps, "ipv4").slice(inputsOf(steps, "ipv4").indexOf("*filter"))).toBe(
      [
        "*filter",
        ":WEIR-VERDICTS - [0:0]",
        ...["INPUT", "FORWARD", "OUTPUT"].map((chain) => `-D ${chain} -j WEIR-VERDICTS`),
        "COMMIT\n",
      ].join("\n"),
    );
    expect(steps[0]).toMatchObject({ kind: "iptables", flavour: "legacy" });
  });

  it("names the service of every chain that it changes", () => {
    const one = program(
      { key: "shop/web:http", routes: clusterRoutes(["10.244.1.5:53"]) },
      { key: "shop/dns:dns", routes: clusterRoutes(["10.244.1.6:53"]) },
    );
    const two = program(
      { key: "shop/web:http", routes: clusterRoutes(["10.244.1.5:53", "10.244.1.9:53"]) },
      { key: "shop/dns:dns", routes: clusterRoutes(["10.244.1.6:53"]) },
    );
    expect(deltaIptables(one, two)).toMatchObject([
      {
        family: "ipv4",
        flavour: null,
        operations: [
          {
            action: "replace",
            object: "chain",
            name: expect.stringContaining("iptables nat WEIR-SVC-"),
            key: "shop/web:http",
          },
        ],
      },
    ]);
    expect(deltaIptables(null, two)[0]?.operations.map(({ action, object }) => `${action} ${object}`)).toEqual([
      "load chains",
      "add jump",
      "add jump",
      "add jump",
      "load chains",
      "add jump",
      "add jump",
      "add jump",
    ]);
  });

  it("asks the nft flavour for all chains at once when there are many, behind the jumps", () => {
    const many = (count: number): IptablesProgram => {
      const chains = Array.from({ length: count }, (_, index) => ({ name: `WEIR-C${10000 + index}`, rules: [] }));
      const jumps = [{ table: "nat", chain: "OUTPUT", target: "WEIR-C10000", position: "first" }] as const;
      return { ipv4: { family: "ipv4", tables: [{ name: "nat", chains }], jumps }, ipv6: null };
    };
    const input = (count: number, flavour: "nft" | "legacy") =>
      inputsOf(deltaIptables(null, many(count), { flavour, isPinned: () => false }), "ipv4");
    expect(input(1200, "nft")).toContain("-I OUTPUT -j WEIR-C10000\n-S\n");
    expect(input(1200, "legacy")).not.toContain("-S\n");
    expect(input(100, "nft")).not.toContain("-S\n");
  });
});

describe("stale flows of a delta", () => {
  const udp = (key: string, endpoints: readonly string[]) =>
    ({ key, protocol: "udp", routes: anyRoute(endpoints) }) as const;

  function flowsOf(before: IptablesProgram | null, after: IptablesProgram | null): readonly string[] {
    return deltaIptables(before, after).flatMap((step) =>
      step.kind === "flows" ? step.operations.map(({ name, key }) => `${name} (${key})`) : [],
    );
  }

  it("are those of endpoints that left, and of frontends that nobody served", () => {
    const before = program(udp("a:dns", ["10.244.1.5:53", "10.244.1.6:53"]), udp("b:dns", []));
    const after = program(udp("a:dns", ["10.244.1.5:53"]), udp("b:dns", ["10.244.1.6:53"]));
    expect(flowsOf(before, after)).toEqual([
      "10.96.0.1:53/udp -> 10.244.1.6:53 (a:dns)",
      "10.96.0.2:53/udp, not translated (b:dns)",
    ]);
    expect(deltaIptables(before, after).at(-1)).toMatchObject({
      kind: "flows",
      flows: [
        {
          family: "ipv4",
          destination: { text: "10.96.0.1" },
          port: 53,
          endpoint: { address: { text: "10.244.1.6" }, port: 53 },
        },
        { family: "ipv4", destination: { text: "10.96.0.2" }, port: 53, endpoint: null },
      ],
    });
    expect(flowsOf(null, after)).toEqual([
      "10.96.0.1:53/udp, not translated (a:dns)",
      "10.96.0.2:53/udp, not translated (b:dns)",
    ]);
    expect(flowsOf(before, program(udp("a:dns", [])))).toEqual([
      "10.96.0.1:53/udp -> 10.244.1.6:53 (a:dns)",
      "10.96.0.1:53/udp -> 10.244.1.5:53 (a:dns)",
    ]);
    expect(flowsOf(before, null)).toEqual([]);
  });

  it("are found in trees, large pools, both families, node ports, and at the proxy", () => {
    const endpoints = Array.from({ length: 20 }, (_, index) => `10.244.1.${index + 1}:53`);
    const build = (web: readonly string[], six: readonly string[]) =>
      testIr({
        addresses: ["192.0.2.11"],
        frontends: [
          ...Array.from({ length: 20 }, (_, index) => frontend(`10.96.0.9:${100 + index}`, udp("tree:dns", web))),
          ...Array.from({ length: 20 }, (_, index) =>
            frontend(`10.96.1.${index}:53`, { ...udp("many:dns", web), protocol: "tcp" }),
          ),
          frontend("[fd00:10:96::1]:53", udp("six:dns", six)),
          nodePortFrontend("ipv4", 30053, udp("node:dns", web)),
        ],
      });
    const [one, two] = [build(endpoints, ["[fd00::5]:53"]), build(endpoints.slice(1), ["[fd00::6]:53"])];
    expect(flowsOf(lowerIptables(one).program, lowerIptables(two).program)).toEqual([
      ...Array.from({ length: 20 }, (_, index) => `10.96.0.9:${100 + index}/udp -> 10.244.1.1:53 (tree:dns)`),
      "node port 30053/udp -> 10.244.1.1:53 (node:dns)",
      "[fd00:10:96::1]:53/udp -> [fd00::5]:53 (six:dns)",
    ]);
    const gone = build([], ["[fd00::6]:53"]);
    expect(flowsOf(lowerUserspace(one).program.rules, lowerUserspace(gone).program.rules)).toContainEqual(
      expect.stringMatching(/^node port 30053\/udp -> 192\.0\.2\.11:\d+ \(node:dns\)$/),
    );
  });
});

/** The same program from its text: no object is shared. */
function copyOf(original: IptablesProgram): IptablesProgram {
  const copy = (ruleset: IptablesRuleset | null) =>
    ruleset === null ? null : parseRuleset(ruleset.family, textOf(printRuleset("", ruleset)));
  return { ipv4: copy(original.ipv4), ipv6: copy(original.ipv6) };
}

function companions(): IptablesProgram {
  return lowerIpvs(testIr({ frontends: [frontend("10.96.0.1:53", { routes: clusterRoutes(["10.244.1.5:53"]) })] }))
    .program.rules;
}
