import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseSources } from "../../../compiler/artifact/read-sources.ts";
import { fixedChains } from "../../../compiler/backends/iptables/names.ts";
import { chains as ipvsChains, setNames as ipvsSetNames } from "../../../compiler/backends/ipvs/names.ts";
import { chainNames, setNames } from "../../../compiler/backends/nftables/names.ts";
import { backendNames } from "../../../compiler/backends/registry.ts";
import { meaningOf } from "../../../compiler/trace/fixed-objects.ts";
import { fixtureNames, fixturesFolder } from "../../support/fixtures.ts";

/** Every name in the programs of the fixtures, as sources.json lists them. */
function namesOf(backend: string): readonly string[] {
  return fixtureNames.flatMap((fixture) => {
    const folder = join(fixturesFolder, fixture, "expected");
    return readdirSync(folder).flatMap((node) => {
      const path = join(folder, node, "sources.json");
      if (!existsSync(path)) return [];
      return Object.keys(parseSources(readFileSync(path, "utf8"))?.names[backend] ?? {});
    });
  });
}

describe.each(backendNames)("%s", (backend) => {
  it("has a meaning for every name in the fixtures' programs", () => {
    const names = new Set(namesOf(backend));
    expect(names.size).toBeGreaterThan(20);
    expect([...names].filter((name) => meaningOf(backend, name) === null)).toEqual([]);
  });
});

describe("fixed names", () => {
  it.each([
    ["iptables", Object.values(fixedChains)],
    ["ipvs", [...Object.values(ipvsChains), ...ipvsSetNames("ipv4"), ...ipvsSetNames("ipv6")]],
    ["nftables", [...chainNames, ...setNames]],
  ] as const)("of %s all have a meaning", (backend, names) => {
    expect(names.filter((name) => meaningOf(backend, name) === null)).toEqual([]);
  });

  it.each([
    ["iptables", "KUBE-SERVICES"],
    ["ipvs", "KUBE-CLUSTER-IP"],
    ["nftables", "firewall-ips"],
  ] as const)("of others have none: %s %s", (backend, name) => {
    expect(meaningOf(backend, name)).toBeNull();
  });
});
