import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deltaIpvs } from "../../compiler/backends/ipvs/delta.ts";
import { lowerIpvs } from "../../compiler/backends/ipvs/lower.ts";
import { parseIpset } from "../../compiler/backends/ipvs/parse-sets.ts";
import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import type { Step } from "../../compiler/backends/step.ts";
import { ipsetExecutor } from "../../runtime/execute/ipset.ts";
import { readSysctl, sysctlExecutor } from "../../runtime/execute/sysctl.ts";
import { readSets } from "../../runtime/netlink/ipset.ts";
import { ipvsPlane, ipvsPlaneWith } from "../../runtime/planes/ipvs.ts";
import { listSetNames, listSets, restoreSets, saveSets } from "../../runtime/planes/ipvs-tool.ts";
import { clusterRoutes, frontend, testIr } from "../support/ir.ts";
import { labTrouble, skipFor } from "../support/kernel.ts";
import { type NetlinkHost, openNetlinkHost } from "../support/netlink-host.ts";

/** Sets and kernel settings of IPVS against the machine's own kernel, which need not have IPVS itself. */

const trouble = await labTrouble();
let host: NetlinkHost;

beforeAll(async () => {
  if (trouble === null) host = await openNetlinkHost();
});
afterAll(() => host?.close());
beforeEach((context) => {
  if (trouble !== null) skipFor(context, trouble);
});

function served(...places: readonly string[]): IpvsProgram {
  const routesTo = (place: string) =>
    clusterRoutes([place.startsWith("[") ? "[fd00:10:244:1::5]:8080 local" : "10.244.1.5:8080 local"]);
  const frontends = places.map((place) => frontend(place, { key: "t/web", routes: routesTo(place) }));
  return lowerIpvs(testIr({ serviceRanges: ["10.96.0.0/16"], frontends })).program;
}

async function changeSets(before: IpvsProgram | null, after: IpvsProgram | null): Promise<void> {
  for (const step of deltaIpvs(before, after)) if (step.kind === "ipset") await ipsetExecutor.execute(host, step);
}

async function listed(): Promise<ReturnType<typeof parseIpset>> {
  const sets = parseIpset(
    await saveSets(
      host,
      (await listSetNames(host)).filter((name) => name.startsWith("weir")),
    ),
  );
  return [...sets].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Sorted, without what says nothing of the contents, and with a seed that differs. */
function linesOf(listing: string): readonly string[] {
  const lines = listing.replace(/ (?:bucketsize|initval) \S+| timeout \d+$/gm, "").split("\n");
  return lines.filter((line) => line !== "").sort();
}

const inNameOrder = ({ sets }: IpvsProgram) => [...sets].sort((a, b) => (a.name < b.name ? -1 : 1));

describe("sets", () => {
  const one = served("10.96.0.10:80", "10.96.0.11:80");
  const other = served("10.96.0.11:80", "10.96.0.12:443", "192.0.2.7:80", "[fd00:10:96::10]:80");

  it("become those of a program, of another, and go", async () => {
    await host.must(["ipset", "create", "others", "hash:ip"]);
    await changeSets(null, one);
    expect(await listed()).toEqual(inNameOrder(one));
    await changeSets(one, other);
    await changeSets(one, other);
    expect(await listed()).toEqual(inNameOrder(other));
    await changeSets(other, null);
    expect(await listSetNames(host)).toEqual(["others"]);
  });

  it("are listed over netlink as the tool lists them, whoever made them", async () => {
    const own = /^weir6?-/;
    const listing = async () => linesOf(await listSets(host, own));
    const tools = async () =>
      linesOf(
        await saveSets(
          host,
          (await listSetNames(host)).filter((name) => own.test(name)),
        ),
      );
    expect(await listing()).toEqual([]);
    await changeSets(null, other);
    expect(await listing()).toEqual(await tools());
    const hostile = [
      'add weir-frontends 192.0.2.1,udp:53 comment "by hand" skbmark 0x1/0x1',
      "create weir-t hash:ip timeout 1000",
      "add weir-t 192.0.2.2",
      "create weir-n hash:net,port counters",
      "add weir-n 192.0.2.0/24,tcp:80 nomatch",
      "create weir-p bitmap:port range 0-99",
      "create theirs hash:ip",
      "",
    ];
    await host.must(["ipset", "restore"], hostile.slice(0, 1).concat("").join("\n"));
    // nothing in it that only the tool knows
    expect(await readSets(host, own)).not.toBeNull();
    expect(await listing()).toEqual(await tools());
    await host.must(["ipset", "restore"], hostile.slice(1).join("\n"));
    expect(await readSets(host, own)).toBeNull();
    expect(await listing()).toEqual(await tools());
    await host.must(["ipset", "flush", "weir-frontends"]);
    expect((await listing()).filter((line) => line.startsWith("add weir-frontends "))).toEqual([]);
    await host.must(["ipset", "destroy"]);
    expect(await listing()).toEqual([]);
  });

  it("are not to be listed without the right to", async () => {
    const powerless = host.through(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]);
    await expect(listSets(powerless, /^weir/)).rejects.toMatchObject({ trouble: "permission", errno: "EPERM" });
  });

  it("take the place of one that was made otherwise, while rules speak of it", async () => {
    await host.must(["ipset", "create", "weir-frontends", "hash:ip,port"]);
    await host.must([
      "iptables-nft",
      "-t",
      "mangle",
      "-A",
      "PREROUTING",
      "-m",
      "set",
      "--match-set",
      "weir-frontends",
      "dst,dst",
    ]);
    const before = {
      ...one,
      sets: one.sets.map((set) => (set.name === "weir-frontends" ? { ...set, hasComments: false, elements: [] } : set)),
    };
    await changeSets(null, { ...one, sets: one.sets.filter((set) => set.name !== "weir-frontends") });
    await changeSets(before, one);
    expect(await listed()).toEqual(inNameOrder(one));
  });

  it("are waited for until the kernel lets go of them", async () => {
    const waiting = changeSets(one, null);
    await host.must(["iptables-nft", "-t", "mangle", "-F", "PREROUTING"]);
    await waiting;
    expect(await listed()).toEqual([]);
  });

  it("name the line that was refused, and what to do", async () => {
    const lines = ["create weir-a hash:ip family inet\n", "add weir-a 10.0.0.1\nadd weir-a nonsense\n"];
    await expect(restoreSets(host, lines)).rejects.toThrow(/^cannot change sets: .*\(add weir-a nonsense\)$/);
    await expect(restoreSets(host, ["create weir-b hash:zork family inet\n"])).rejects.toMatchObject({
      trouble: "unsupported",
      help: "modprobe ip_set_hash_zork, with ipset 6.22 or later",
    });
    await restoreSets(host, ["destroy weir-a\n"]);
    const powerless = host.through(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]);
    await expect(restoreSets(powerless, ["destroy weir-a\n"])).rejects.toMatchObject({ trouble: "permission" });
  });
});

describe("kernel settings", () => {
  const step = (name: string, value: string): Step => ({ kind: "sysctl", operations: [], values: [{ name, value }] });

  it("are written when they differ", async () => {
    await sysctlExecutor.execute(host, step("net.ipv4.conf.all.arp_ignore", "1"));
    expect(await readSysctl(host, "net.ipv4.conf.all.arp_ignore")).toBe("1");
    const readOnly = { ...host, write: () => Promise.reject(new Error("written again")) };
    await sysctlExecutor.execute(readOnly, step("net.ipv4.conf.all.arp_ignore", "1"));
  });

  it("that the kernel lacks say which module has them", async () => {
    const lacking = { ...host, read: async () => null, find: async () => null };
    await expect(sysctlExecutor.execute(lacking, step("net.ipv4.vs.conntrack", "1"))).rejects.toMatchObject({
      trouble: "unsupported",
      help: "modprobe ip_vs",
    });
  });
});

describe("rules beside IPVS", () => {
  it("go into the flavour that is asked for, also when what was read before says another", async () => {
    const program = served("10.96.0.10:80");
    const flavoursOf = async (flavour: "nft" | "legacy" | null, unchanged = {}): Promise<unknown> => {
      const plane = ipvsPlaneWith(flavour);
      const steps = plane.plan(await plane.observe(host, { known: [], unchanged }), program);
      return [...new Set(steps.flatMap((step) => (step.kind === "iptables" ? [step.flavour] : [])))];
    };
    const { snapshot } = await ipvsPlaneWith("nft").observe(host, { known: [] });
    const facts = ipvsPlane.facts?.(snapshot) ?? {};
    expect(await flavoursOf(null, facts)).toEqual(["nft"]);
    expect(await flavoursOf("legacy")).toEqual(["legacy"]);
    expect([ipvsPlaneWith("nft"), ipvsPlaneWith("legacy")].map((plane) => plane.suits?.(facts))).toEqual([true, false]);
  });
});

describe("a node without IPVS", () => {
  it("holds nothing, and is not asked to load it", async () => {
    const loaded: string[] = [];
    const watched: NetlinkHost = {
      ...host,
      run: (command) => {
        if (command.argv[0] === "modprobe") loaded.push(command.argv.join(" "));
        return host.run(command);
      },
    };
    expect((await ipvsPlane.observe(watched, { known: [] })).program).toBeNull();
    expect(loaded).toEqual([]);
  });
});
