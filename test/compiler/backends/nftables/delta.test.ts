import { describe, expect, it } from "vitest";
import { deltaNftables } from "../../../../compiler/backends/nftables/delta.ts";
import type { NftProgram } from "../../../../compiler/backends/nftables/program.ts";
import type { Step } from "../../../../compiler/backends/step.ts";
import { described, inputOf, tablesOf } from "../../../support/nft-plane.ts";
import { print } from "./support.ts";

interface Given {
  readonly cluster?: string;
  readonly lines?: readonly string[];
  readonly ports?: readonly string[];
  readonly endpoints?: readonly string[];
  readonly more?: string;
}

function tables({ cluster, lines, ports, endpoints, more }: Given = {}): Promise<NftProgram> {
  return tablesOf(`
cluster { ${cluster ?? "pods 10.244.0.0/16"} }
node worker-1 { address 192.0.2.11 }
node worker-2 { address 192.0.2.12 }
service shop/web {
  allow warning spec/external-policy-unused
  ${(lines ?? ["vip 10.96.0.10"]).join("\n  ")}
  ${(ports ?? ["port http tcp 80 -> 8080"]).join("\n  ")}
  ${(endpoints ?? ["10.244.1.5", "10.244.2.7"]).map((each) => `endpoint ${each}`).join("\n  ")}
}
${more ?? ""}`);
}

async function delta(before: Given | null, after: Given | null): Promise<readonly Step[]> {
  return deltaNftables(before === null ? null : await tables(before), after === null ? null : await tables(after));
}

function linesOf(steps: readonly Step[]): readonly string[] {
  return inputOf(steps).trimEnd().split("\n");
}

describe("a delta of two nftables programs", () => {
  it("is empty when nothing differs, parsed or not", async () => {
    const program = await tables();
    expect(deltaNftables(program, program)).toEqual([]);
    expect(deltaNftables(program, await tables())).toEqual([]);
    expect(deltaNftables(null, null)).toEqual([]);
    expect(deltaNftables(null, { tables: [] })).toEqual([]);
    expect(deltaNftables({ tables: [] }, null)).toEqual([]);
  });

  it("loads the artifact's own text where nothing was", async () => {
    const both = { lines: ["vip 10.96.0.10, fd00:10:96::10"], endpoints: ["10.244.1.5", "fd00:10:244::5"] };
    const program = await tables(both);
    const steps = await delta(null, both);
    expect(described(steps)).toEqual(["load table ip weir", "load table ip6 weir"]);
    const [ip, ip6] = program.tables.map((table) => print({ tables: [table] }));
    expect(inputOf(steps)).toBe(`${ip}${ip6}`);
  });

  it("deletes the tables when all goes, and a family's when it is served no more", async () => {
    const both = { lines: ["vip 10.96.0.10, fd00:10:96::10"], endpoints: ["10.244.1.5", "fd00:10:244::5"] };
    expect(described(await delta(both, null))).toEqual(["delete table ip weir", "delete table ip6 weir"]);
    expect(linesOf(await delta(both, null))).toEqual(["delete table ip weir", "delete table ip6 weir"]);
    expect(described(await delta(both, { endpoints: ["10.244.1.5"] }))).toEqual(["delete table ip6 weir"]);
  });

  it("replaces the slots of a replaced endpoint and nothing else", async () => {
    const steps = await delta({}, { endpoints: ["10.244.1.5", "10.244.2.8"] });
    expect(described(steps)).toEqual([
      "replace element ip weir pool 10.96.0.10 . tcp . 80 . 5700:1 : 10.244.1.5 . 8080 (shop/web:http)",
      "replace element ip weir pool 10.96.0.10 . tcp . 80 . 5700:0 : 10.244.2.8 . 8080 (shop/web:http)",
    ]);
    expect(linesOf(steps)).toEqual([
      "delete element ip weir pool {",
      "\t10.96.0.10 . tcp . 80 . 5700:0,",
      "\t10.96.0.10 . tcp . 80 . 5700:1,",
      "}",
      "add element ip weir pool {",
      "\t10.96.0.10 . tcp . 80 . 5700:1 : 10.244.1.5 . 8080,",
      "\t10.96.0.10 . tcp . 80 . 5700:0 : 10.244.2.8 . 8080,",
      "}",
    ]);
  });

  it("makes new chains before the elements that lead to them, and drops old ones after", async () => {
    const steps = await delta({}, { endpoints: ["10.244.1.5", "10.244.2.7", "10.244.2.8"] });
    expect(linesOf(steps).filter((line) => !line.startsWith("\t10."))).toEqual([
      "table ip weir {",
      "\tchain masquerade-unless-pod-pick-3 { ip saddr != @pods meta mark set meta mark | 0x00004000; goto pick-3; }",
      "\tchain pick-3 { meta priority set numgen random mod 3 offset 1459617792 goto translate; }",
      "}",
      "delete element ip weir frontends {",
      "}",
      "add element ip weir frontends {",
      "}",
      "delete element ip weir pool {",
      "}",
      "add element ip weir pool {",
      "}",
      "flush chain ip weir masquerade-unless-pod-pick-2",
      "flush chain ip weir pick-2",
      "delete chain ip weir masquerade-unless-pod-pick-2",
      "delete chain ip weir pick-2",
    ]);
    expect(described(steps).filter((line) => line.includes("chain"))).toEqual([
      "add chain ip weir masquerade-unless-pod-pick-3",
      "add chain ip weir pick-3",
      "delete chain ip weir masquerade-unless-pod-pick-2",
      "delete chain ip weir pick-2",
    ]);
  });

  it("rewrites chains that a setting changes, with the sets that they need", async () => {
    const steps = await delta({}, { cluster: "local-traffic none" });
    expect(described(steps).filter((line) => !line.includes(" element "))).toEqual([
      "replace chain ip weir services",
      "replace chain ip weir serve-node-ports",
      "delete map ip weir frontends-from-pods",
      "delete map ip weir node-ports-from-pods",
      "delete set ip weir pods",
      "delete chain ip weir masquerade-unless-pod-pick-2",
    ]);
    const lines = linesOf(steps);
    expect(lines.slice(0, 3)).toEqual([
      "flush chain ip weir services",
      "flush chain ip weir serve-node-ports",
      "table ip weir {",
    ]);
    expect(lines.indexOf("delete map ip weir frontends-from-pods")).toBeLessThan(
      lines.indexOf("delete chain ip weir masquerade-unless-pod-pick-2"),
    );
  });

  it("knows the service of elements without comments, and of what only one frontend has", async () => {
    const lines = ["vip 10.96.0.10", "load-balancer 198.51.100.7 allow 203.0.113.0/24", "affinity client-ip 1h"];
    const ports = ["port http tcp 80 -> 8080 node-port 30080"];
    const steps = await delta(
      { lines, ports },
      {
        lines: lines.map((line) => line.replace("203.0.113.0/24", "203.0.113.0/25")),
        ports,
        endpoints: ["10.244.1.5 weight 2000", "10.244.2.9"],
      },
    );
    const owners = new Map<string, Set<string>>();
    for (const { name, key } of steps.flatMap((step) => step.operations)) {
      const object = name.split(" ")[2]?.replace(/-shop-.*/, "-…") ?? "";
      owners.set(object, (owners.get(object) ?? new Set()).add(key ?? "nobody's"));
    }
    const owned = ["allowed", "frontends", "node-ports", "pool", "slots", "node-port-pool", "node-port-slots"];
    for (const object of [...owned, "weights-…"])
      expect([object, [...(owners.get(object) ?? [])]]).toEqual([object, ["shop/web:http"]]);
    const wide = [...owners].filter(([name]) => name.includes("-wide-"));
    expect(wide.length).toBeGreaterThan(2);
    for (const [name, keys] of wide) expect([name, [...keys]]).toEqual([name, ["shop/web:http"]]);
  });

  it("empties a plain interval set only where new ranges overlap old ones", async () => {
    const overlap = linesOf(await delta({}, { cluster: "pods 10.0.0.0/8" }));
    expect(overlap).toEqual(["flush set ip weir pods", "add element ip weir pods {", "\t10.0.0.0/8,", "}"]);
    const apart = linesOf(await delta({}, { cluster: "pods 10.244.0.0/16, 172.16.0.0/16" }));
    expect(apart).toEqual(["add element ip weir pods {", "\t172.16.0.0/16,", "}"]);
  });

  it("loads a table anew when a set is of another type", async () => {
    const program = await tables();
    const older: NftProgram = {
      tables: program.tables.map((table) => ({
        ...table,
        sets: table.sets.map((set) => (set.kind === "dynamic-map" ? { ...set, size: 65536 } : set)),
      })),
    };
    expect(described(deltaNftables(older, program))).toEqual(["load table ip weir"]);
    expect(inputOf(deltaNftables(older, program))).toBe(print(program));
  });
});

/** `10.96.0.10:53 -> 10.244.2.7:53` of each stale flow. */
async function flows(before: Given | null, after: Given | null): Promise<readonly string[]> {
  const steps = await delta(before, after);
  const found = steps.flatMap((step) => (step.kind === "flows" ? step.flows : []));
  for (const step of steps.slice(0, -1)) expect(step.kind).toBe("nft");
  return found.map(({ destination, port, endpoint }) => {
    const to = endpoint === null ? "untranslated" : `${endpoint.address.text}:${endpoint.port}`;
    return `${destination?.text ?? "*"}:${port} -> ${to}`;
  });
}

describe("stale flows", () => {
  const dns = { ports: ["port dns udp 53 node-port 30053"] };
  const one = { ...dns, endpoints: ["10.244.1.5"] };
  const none = { ...dns, endpoints: [] };

  it("are those to endpoints that left, for each frontend", async () => {
    expect(await flows(dns, one)).toEqual(["10.96.0.10:53 -> 10.244.2.7:53", "*:30053 -> 10.244.2.7:53"]);
    expect(await flows({ ...dns, lines: ["vip 10.96.0.10", "affinity client-ip 1h"] }, one)).toEqual([
      "10.96.0.10:53 -> 10.244.2.7:53",
      "*:30053 -> 10.244.2.7:53",
    ]);
  });

  it("are none where slots only moved, and none of TCP", async () => {
    expect(await flows(one, dns)).toEqual([]);
    expect(await flows(dns, { ...dns, endpoints: ["10.244.1.5 weight 3", "10.244.2.7"] })).toEqual([]);
    expect(await flows({}, { endpoints: ["10.244.1.5"] })).toEqual([]);
    expect(await flows({}, { lines: ["vip 10.96.0.11"] })).toEqual([]);
  });

  it("are those past a frontend that nobody served", async () => {
    const untranslated = ["10.96.0.10:53 -> untranslated", "*:30053 -> untranslated"];
    expect(await flows(null, dns)).toEqual(untranslated);
    expect(await flows(none, dns)).toEqual(untranslated);
    expect(await flows({}, { ports: [...dns.ports, "port http tcp 80 -> 8080"] })).toEqual(untranslated);
    expect(await flows(null, none)).toEqual([]);
  });

  it("are those of frontends that go, but none when everything goes", async () => {
    expect(await flows(dns, none)).toHaveLength(4);
    expect(await flows(dns, {})).toHaveLength(4);
    expect(await flows(dns, null)).toEqual([]);
  });

  it("leave an endpoint that other sources may still reach", async () => {
    const local = (policy: string) => ({
      lines: ["load-balancer 198.51.100.7", `external-policy ${policy}`],
      ports: ["port dns udp 53"],
      endpoints: ["10.244.1.5 on worker-1", "10.244.2.7 on worker-2"],
    });
    expect(await flows(local("cluster"), local("local"))).toEqual([]);
  });

  it("name the service", async () => {
    const steps = await delta(dns, one);
    expect(described(steps.slice(-1))).toEqual([
      "delete flow 10.96.0.10:53/udp -> 10.244.2.7:53 (shop/web:dns)",
      "delete flow node port 30053/udp -> 10.244.2.7:53 (shop/web:dns)",
    ]);
  });
});
