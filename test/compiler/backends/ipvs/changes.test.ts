import { describe, expect, it } from "vitest";
import { ipvsBackend } from "../../../../compiler/backends/ipvs/backend.ts";
import { textOf } from "../../../../compiler/backends/text.ts";
import type { IrFrontend } from "../../../../compiler/ir/ir.ts";
import { clusterRoutes, frontend, localRoutes, nodePortFrontend, testIr } from "../../../support/ir.ts";

function linesOf(frontends: readonly IrFrontend[]): readonly string[] {
  const { program } = ipvsBackend.lower(testIr({ frontends, pods: ["10.244.0.0/16"] }));
  return ipvsBackend.print(program).flatMap((file) =>
    textOf(file)
      .split("\n")
      .map((line) => `${file.path}: ${line}`),
  );
}

/** Lines of one that the other lacks, both ways; no line stands twice but closing ones, which never change. */
function changedLines(before: readonly string[], after: readonly string[]): readonly string[] {
  const [old, young] = [new Set(before), new Set(after)];
  return [...before.filter((line) => !young.has(line)), ...after.filter((line) => !old.has(line))];
}

const around = [
  frontend("10.96.0.1:80", { key: "a/first", routes: clusterRoutes(["10.244.1.1:80 local"]) }),
  frontend("10.96.9.9:80", { key: "z/last", routes: clusterRoutes(["10.244.1.2:80 local"]) }),
];

const eight = Array.from({ length: 8 }, (_, at) => `10.244.1.${at + 10}:8080 local`);
const replaced = [...eight.slice(1), "10.244.1.99:8080 local"];

const shapes = [
  {
    name: "cluster VIP",
    of: (texts: readonly string[]) => frontend("10.96.0.10:80", { routes: clusterRoutes(texts) }),
  },
  {
    name: "load balancer with policy local",
    of: (texts: readonly string[]) =>
      frontend("198.51.100.7:80", {
        kind: "load-balancer",
        routes: localRoutes(texts),
        sourceRanges: ["192.0.2.0/24"],
      }),
  },
  {
    name: "node port with policy local",
    of: (texts: readonly string[]) => nodePortFrontend("ipv4", 30080, { routes: localRoutes(texts) }),
  },
] as const;

describe.each(shapes)("changed lines of a $name", ({ of }) => {
  const before = linesOf([...around, of(eight)]);

  it("are at most 12 when an endpoint is replaced", () => {
    const changed = changedLines(before, linesOf([...around, of(replaced)]));
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.length).toBeLessThanOrEqual(12);
  });

  it.each([
    { what: "removed", texts: eight.slice(1) },
    { what: "added", texts: [...eight, "10.244.1.99:8080 local"] },
    { what: "reweighted", texts: [...eight.slice(1), "10.244.1.10:8080 local x3"] },
  ])("are at most 24 when one of 8 is $what", ({ texts }) => {
    expect(changedLines(before, linesOf([...around, of(texts)])).length).toBeLessThanOrEqual(2 * (8 + 1) + 6);
  });

  it("are its own when it is added", () => {
    const added = changedLines(linesOf(around), before);
    expect(added.filter((line) => !/10\.96\.0\.10|198\.51\.100\.7|30080|10\.244\.1\.|mark|-f /.test(line))).toEqual([]);
  });
});
