import { beforeAll, describe, expect, it } from "vitest";
import { parseRuleset } from "../../compiler/backends/iptables/parse.ts";
import { ipvsBackend } from "../../compiler/backends/ipvs/backend.ts";
import { parseVirtualServers } from "../../compiler/backends/ipvs/parse-servers.ts";
import { parseIpset } from "../../compiler/backends/ipvs/parse-sets.ts";
import { printId } from "../../compiler/backends/ipvs/print-servers.ts";
import { textOf } from "../../compiler/backends/text.ts";
import type { Family } from "../../compiler/net/address.ts";
import { runInVm, type VmResult, vmTestsWanted } from "../support/vm/vm.ts";
import { type Probe, probes, scenarioIr } from "./ipvs-scenario.ts";

/**
 * Real connections through the kernel's IPVS, loaded with ordinary tools. Run with WEIR_VM_TESTS=1; takes about a minute.
 */

const namespaces = ["out", "pod1", "pod2", "node"] as const;

/** Attempts that share servers in turn must not be mixed with those of others; single ones, often a silence to wait for, may. */
function isSingle(probe: Probe): boolean {
  return probe.send.split(" ")[3] === "1";
}

function scriptFor(flavour: string): string {
  const servers = [
    ["pod1", "10.244.1.5"],
    ["pod2", "10.244.1.6"],
    ["far", "10.244.2.7"],
  ];
  return `
set -u
. test/support/vm/topology.sh
load /mnt/input/ipvs ${flavour} || exit 9
${servers.map(([name, self]) => `SELF=${self} on ${name} node $here/server.mjs 80 8080 >/tmp/${name} 2>&1 &`).join("\n")}
for name in pod1 pod2 far; do until grep -q ready /tmp/$name; do sleep 0.2; done; done
for name in ${namespaces.join(" ")}; do
  on $name node $here/probe.mjs </mnt/input/probes/$name-in-turn >/mnt/output/$name 2>&1
done
pids=
for name in ${namespaces.join(" ")}; do
  on $name node $here/probe.mjs </mnt/input/probes/$name-once >>/mnt/output/$name 2>&1 &
  pids="$pids $!"
done
wait $pids
on node ipset save >/mnt/output/ipset
on node ${flavour}-save >/mnt/output/ipv4
on node ${flavour.replace("iptables", "ip6tables")}-save >/mnt/output/ipv6
on node ipvsadm -S -n >/mnt/output/ipvsadm
on node ipvsadm -Ln
on node ipvsadm -Lnc
on node ${flavour}-save -c
exit 0
`;
}

// what weir apply does there is tried with the other flavour
describe.runIf(vmTestsWanted).each(["iptables-legacy"])("ipvs in a virtual machine, %s", (flavour) => {
  const { program } = ipvsBackend.lower(scenarioIr());
  let result: VmResult;
  const outcomes = new Map<string, readonly string[]>();

  beforeAll(async () => {
    const input = new Map(ipvsBackend.print(program).map((file) => [file.path, textOf(file)]));
    for (const from of namespaces) {
      const own = probes.filter((probe) => probe.from === from);
      const linesOf = (list: readonly Probe[]) => list.map((probe) => `${probe.label} ${probe.send}\n`).join("");
      input.set(`probes/${from}-once`, linesOf(own.filter(isSingle)));
      input.set(`probes/${from}-in-turn`, linesOf(own.filter((probe) => !isSingle(probe))));
    }
    const output = [...namespaces, "ipset", "ipv4", "ipv6", "ipvsadm"];
    result = await runInVm({ script: scriptFor(flavour), input, output, seconds: 280 });
    for (const from of namespaces) {
      for (const line of (result.output.get(from) ?? "").split("\n")) {
        const [label = "", ...results] = line.split(", ");
        outcomes.set(`${from} ${label}`, results);
      }
    }
  }, 300_000);

  it("loads with ordinary tools", () => {
    expect(result.code, result.log).toBe(0);
  });

  it.each(probes)("$from: $label", ({ from, label, expected }) => {
    const results = outcomes.get(`${from} ${label}`);
    expect(results?.length, result.log).toBeGreaterThan(0);
    expected(results ?? []);
  });

  it("lists what was loaded", () => {
    const listing = (name: string) => result.output.get(name) ?? "";
    expect(new Map(parseIpset(listing("ipset")).map((set) => [set.name, set]))).toEqual(
      new Map(program.sets.map((set) => [set.name, set])),
    );
    for (const family of ["ipv4", "ipv6"] satisfies Family[]) {
      expect(parseRuleset(family, listing(family))).toEqual(program.rules[family]);
    }
    const listed = parseVirtualServers(listing("ipvsadm")).virtualServers;
    expect(new Map(listed.map((server) => [printId(server.id), server]))).toEqual(
      new Map(program.virtualServers.map((server) => [printId(server.id), { ...server, key: null }])),
    );
  });
});
