import { describe, expect, it } from "vitest";
import type { BackendName, Requirement } from "../../../compiler/backends/backend.ts";
import { textOf } from "../../../compiler/backends/text.ts";
import { compileBackend, fragmentOf, irOf, specOf } from "../../../compiler/pipeline.ts";
import { type BackendProgram, programOf } from "../../../runtime/desired/programs.ts";
import type { NodeFacts } from "../../../runtime/preflight/facts.ts";
import { preflightKey } from "../../../runtime/preflight/preflight.ts";
import { unmetRequirements } from "../../../runtime/preflight/requirements.ts";
import { usableBackends } from "../../../runtime/preflight/usable.ts";
import { type FakeNode, fakeHost, plainFacts } from "../../support/fake-node.ts";

interface Subject {
  readonly program: BackendProgram;
  readonly requirements: readonly Requirement[];
}

const services = `
cluster { pods 10.244.0.0/16 }
node worker-1 { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  scheduler wlc
  port http tcp 80 -> 8080 node-port 30080
  endpoint 10.244.1.5
}
service shop/voice {
  vip 10.96.0.20
  affinity client-ip 1h
  port sip sctp 5060
  endpoint 10.244.1.6
}`;

async function subject(backend: BackendName, text = services): Promise<Subject> {
  const { fragment } = await fragmentOf({ path: "test.weir", text });
  const { ir } = irOf(specOf([fragment]).spec, "worker-1");
  const { files, requirements } = await compileBackend(ir, backend);
  const texts = new Map(files.map((file) => [file.path, textOf(file)]));
  return { program: await programOf({ backend, files: texts }), requirements };
}

/** All modules of an artifact are there but those named. */
function factsWithout({ requirements }: Subject, ...missing: readonly string[]): NodeFacts {
  const names = requirements.flatMap(({ kind, name }) => (kind === "kernel-module" ? [name] : []));
  const loadable = new Set(names.filter((name) => !missing.includes(name)));
  return { ...plainFacts, modules: { ...plainFacts.modules, loadable } };
}

async function unmet(on: Subject, facts: NodeFacts, node: FakeNode = {}) {
  const findings = await unmetRequirements(fakeHost(node), facts, on.requirements, on.program);
  return findings.map(({ severity, what, services: keys }) => [severity, what, ...keys].join(" | "));
}

describe("requirements", () => {
  it.each(["iptables", "nftables", "ipvs"] as const)(
    "are all met on a node that has everything: %s",
    async (backend) => {
      const on = await subject(backend);
      expect(on.requirements.length).toBeGreaterThan(5);
      expect(await unmet(on, factsWithout(on))).toEqual([]);
    },
  );

  it("name the service ports that need a module", async () => {
    const ipvs = await subject("ipvs");
    expect(await unmet(ipvs, factsWithout(ipvs, "ip_vs_wlc"))).toEqual([
      "error | the kernel module ip_vs_wlc is missing | shop/web:http",
    ]);
    const iptables = await subject("iptables");
    expect(await unmet(iptables, factsWithout(iptables, "xt_sctp", "xt_recent", "xt_nat"))).toEqual([
      "error | the kernel module xt_nat is missing",
      "error | the kernel module xt_recent is missing | shop/voice:sip",
      "error | the kernel module xt_sctp is missing | shop/voice:sip",
    ]);
  });

  it("a module that may not be loaded is told apart from one that is missing", async () => {
    const on = await subject("nftables");
    const one = "insmod /lib/modules/6.1/kernel/net/netfilter/x.ko\n";
    const forbidden: FakeNode = {
      programs: {
        // all at once
        modprobe: { stdout: `${one}install /bin/false\n${one}` },
        ...Object.fromEntries(
          [...factsWithout(on).modules.loadable].map((name) => [
            `modprobe --show-depends --all -- ${name}`,
            { stdout: one },
          ]),
        ),
        "modprobe --show-depends --all -- nft_numgen": { stdout: "install /bin/false\n" },
      },
    };
    expect(await unmet(on, factsWithout(on), forbidden)).toEqual([
      "error | the kernel module nft_numgen may not be loaded here",
    ]);
    const facts = factsWithout(on);
    const sealed = { ...facts, modules: { ...facts.modules, isLoadingDisabled: true, loaded: new Set(["nf_tables"]) } };
    const found = await unmet(on, sealed);
    expect(found).toContain("error | the kernel module nft_nat may not be loaded here");
    expect(found.join()).not.toContain("nf_tables ");
  });

  it("features are tried where there are no lists of modules", async () => {
    const on = await subject("nftables");
    const facts = { ...plainFacts, modules: { ...plainFacts.modules, hasLists: false } };
    expect(await unmet(on, facts, { programs: { true: {}, nft: {}, unshare: {} } })).toEqual([]);
    const broken = await unmet(on, facts, {
      programs: { true: {}, nft: {}, unshare: { status: 1 }, "unshare --net -- /usr/sbin/true": {} },
    });
    expect(broken).toContain("error | the kernel module nf_tables is missing");
    // without privileges nothing is tried, and nothing is claimed
    expect(await unmet(on, facts, { programs: { true: {}, nft: {}, unshare: { status: 1 } } })).toEqual([]);
  });

  it("kernel, tools, privileges and settings", async () => {
    const on = await subject("nftables");
    const facts = factsWithout(on);
    const old = { ...facts, kernel: { ...facts.kernel, release: "5.4.0-42-generic" } };
    expect(await unmet(on, old)).toEqual(["error | the kernel is 5.4.0-42-generic, and it must be 5.9 or newer"]);
    const tools = { ...facts, tools: { ...facts.tools, nft: { path: "/usr/sbin/nft", version: "0.9.8" } } };
    expect(await unmet(on, tools)).toEqual(["error | nft is 0.9.8, and it must be 1.0.6 or newer"]);
    const none = { ...facts, tools: { ...facts.tools, nft: { path: null, version: null } } };
    expect(await unmet(on, none)).toEqual(["error | there is no program nft on this node"]);
    const nobody = { ...facts, privileges: { isRoot: false, netAdmin: false, sysAdmin: false } };
    expect(await unmet(on, nobody)).toEqual(["error | this process has no CAP_NET_ADMIN"]);
    const closed = { ...facts, sysctls: { ...facts.sysctls, "net.ipv4.ip_forward": "0" } };
    expect(await unmet(on, closed)).toEqual(["warning | net.ipv4.ip_forward is 0, not 1"]);
    // ipvs sets it itself
    const ipvs = await subject("ipvs");
    const sysctls = { "net.ipv4.ip_forward": "0" };
    expect(await unmet(ipvs, { ...factsWithout(ipvs), sysctls })).toEqual([]);
  });

  it("either flavour of iptables will do", async () => {
    const on = await subject("iptables");
    const { "iptables-nft": nft, "ip6tables-nft": nft6, ...others } = plainFacts.tools;
    expect([nft, nft6]).not.toContain(undefined);
    const legacy = { path: "/usr/sbin/iptables-legacy", version: "1.8.9" };
    const tools = { ...others, "iptables-legacy": legacy, "ip6tables-legacy": legacy };
    expect(await unmet(on, { ...factsWithout(on), tools })).toEqual([]);
    const found = await unmet(on, { ...factsWithout(on), tools: others });
    expect(found).toContain("error | there is no program iptables-restore on this node");
  });
});

describe("usable backends", () => {
  it("tell why not", async () => {
    const loadable = new Set(["nf_tables", "nft_chain_nat", "nft_nat", "nft_masq", "nft_ct", "nft_fib_ipv4"]);
    const facts = { ...plainFacts, modules: { ...plainFacts.modules, loadable } };
    const usable = await usableBackends(fakeHost({}), facts);
    expect(usable.nftables).toEqual({ usable: false, reason: "the kernel module nft_numgen is missing" });
    expect(usable.ipvs).toEqual({ usable: false, reason: "the kernel module ip_vs is missing" });
    expect(usable.iptables).toEqual({ usable: false, reason: "the kernel module xt_comment is missing" });
    const old = { ...facts, kernel: { ...facts.kernel, release: "4.18.0" } };
    expect((await usableBackends(fakeHost({}), old)).nftables.reason).toBe(
      "the kernel is 4.18.0, and nftables needs 5.9 or newer",
    );
  });
});

describe("the key of what preflight looks at", () => {
  it("changes with marks and node ports, and not with endpoints", async () => {
    const key = async (text: string, backend: BackendName = "nftables") => {
      const { program, requirements } = await subject(backend, text);
      return preflightKey(requirements, program);
    };
    const first = await key(services);
    expect(await key(services.replace("10.244.1.5", "10.244.1.9"))).toBe(first);
    expect(await key(services.replace("30080", "30081"))).not.toBe(first);
    expect(await key(services.replace("pods", "masquerade-bit 20\n pods"))).not.toBe(first);
    expect(await key(services, "iptables")).not.toBe(first);
  });
});
