import { existsSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ArtifactFile, Backend } from "../../../compiler/backends/backend.ts";
import { textOf, textsOf } from "../../../compiler/backends/text.ts";
import { enterFolder, weir } from "../../support/command.ts";

/** What a wrong rule of nftables has instead of the right one; null where all is well. */
const wrong: { change: readonly [string, string] | null } = { change: null };

vi.mock("../../../compiler/backends/registry.ts", async (load) => {
  const registry = await load<typeof import("../../../compiler/backends/registry.ts")>();
  return {
    ...registry,
    loadBackend: async (name: Parameters<typeof registry.loadBackend>[0]) => {
      const backend = await registry.loadBackend(name);
      return name === "nftables" && wrong.change !== null ? broken(backend, wrong.change) : backend;
    },
  };
});

/** A backend with a mistake in every program that it makes. */
function broken(backend: Backend<unknown>, [right, mistake]: readonly [string, string]): Backend<unknown> {
  const changed = (file: ArtifactFile): ArtifactFile => ({
    ...file,
    chunks: [textOf(file).replaceAll(right, mistake)],
  });
  return {
    ...backend,
    lower: (ir) => {
      const { program, diagnostics } = backend.lower(ir);
      return { program: backend.parse(textsOf(backend.print(program).map(changed))), diagnostics };
    },
  };
}

afterEach(() => {
  wrong.change = null;
});

const spec = `cluster { pods 10.244.0.0/16 }
node worker-1 { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5
  endpoint 10.244.2.7
}
`;

const packet = ["--node", "worker-1", "tcp", "10.244.9.9", "10.96.0.10:80"];
const elsewhere = ["10.244.2.7 . 8080", "10.244.2.8 . 8080"] as const;

describe("a backend whose rules do something else than the spec means", () => {
  it("is found by verify, with the packet and both outcomes", async () => {
    enterFolder({ "a.weir": spec });
    expect((await weir(["verify", "a.weir"])).code).toBe(0);
    wrong.change = elsewhere;
    const { code, stdout } = await weir(["verify", "a.weir"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^worker-1 nftables: [0-9]+ kinds of packets, [0-9]+ differ$/m);
    expect(stdout).toMatch(/expected: .*10\.244\.2\.7:8080 1\/2\n +got: +.*10\.244\.2\.8:8080 1\/2/);
    expect(stdout).toMatch(/^worker-1 iptables: [0-9]+ kinds of packets, no difference$/m);
    const json = JSON.parse((await weir(["verify", "--json", "--backend", "nftables", "a.weir"])).stdout);
    expect(json.results[0].differing).toBeGreaterThan(0);
  });

  it("compiles to nothing with --verify", async () => {
    enterFolder({ "a.weir": spec });
    wrong.change = elsewhere;
    const { code, stderr } = await weir(["compile", "a.weir", "--all-nodes", "--verify", "-o", "build"]);
    expect(code).toBe(1);
    expect(stderr).toContain("10.244.2.8:8080");
    expect(existsSync("build")).toBe(false);
    expect((await weir(["compile", "a.weir", "--all-nodes", "-o", "build"])).code).toBe(0);
  });

  it("is called a bug by trace, which shows the path all the same", async () => {
    enterFolder({ "a.weir": spec });
    wrong.change = elsewhere;
    const { code, stdout, stderr } = await weir(["trace", "a.weir", "--backend", "all", ...packet]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: this is a bug in weir: nftables does .*10\.244\.2\.8:8080.* where the spec means /);
    expect(stderr.split("\n")).toHaveLength(2);
    expect(stdout).toContain("never");
  });

  it("fails the expectations under that backend alone", async () => {
    enterFolder({ "a.weir": `${spec}expect: tcp 10.244.9.9 -> 10.96.0.10:80 reaches 10.244.1.5, 10.244.2.7\n` });
    wrong.change = elsewhere;
    const { code, stdout } = await weir(["test", "--json", "a.weir"]);
    expect(code).toBe(1);
    const { results }: { results: readonly { by: string; status: string }[] } = JSON.parse(stdout);
    expect(results.filter(({ status }) => status === "failed").map(({ by }) => by)).toEqual(["nftables"]);
  });

  it("ends diff as a bug", async () => {
    enterFolder({ "a.weir": spec, "b.weir": spec.replace("10.244.1.5", "10.244.1.6") });
    wrong.change = elsewhere;
    const { code, stdout, stderr } = await weir(["diff", "a.weir", "b.weir"]);
    expect([code, stdout]).toEqual([70, ""]);
    expect(stderr).toContain("nftables does ");
  });

  it("makes a trace through a compiled folder fail where backends differ in what becomes of the packet", async () => {
    enterFolder({ "a.weir": spec });
    wrong.change = ["10.96.0.10 . tcp . 80", "10.96.0.11 . tcp . 80"];
    await weir(["compile", "a.weir", "--all-nodes", "-o", "build"]);
    const { code, stderr } = await weir(["trace", "build", "--backend", "all", ...packet]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/the backends of build\/worker-1 differ: iptables endpoints, .*nftables (pass|reject)/);
  });
});

describe("a backend that cannot do what the spec says", () => {
  const direct = spec.replace("  vip", "  forward direct\n  vip").replace("80 -> 8080", "80");

  it("is left out of verify, unless it is asked for", async () => {
    enterFolder({ "a.weir": direct });
    const all = await weir(["verify", "a.weir"]);
    expect([all.code, all.stdout]).toEqual([0, expect.stringContaining("nftables: not verified")]);
    const asked = await weir(["verify", "--backend", "nftables", "a.weir"]);
    expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining("error[lower/")]);
  });

  it("is left out of a trace by all, and refused alone", async () => {
    enterFolder({ "a.weir": direct });
    const all = await weir(["trace", "a.weir", "--json", "--backend", "all", ...packet]);
    expect(all.code).toBe(0);
    expect(JSON.parse(all.stdout).map(({ backend }: { backend: string }) => backend)).toEqual(["ipvs"]);
    const asked = await weir(["trace", "a.weir", "--backend", "nftables", ...packet]);
    expect([asked.code, asked.stdout, asked.stderr]).toEqual([1, "", expect.stringContaining("error[lower/")]);
    expect((await weir(["trace", "a.weir", ...packet])).stdout).toContain("\nipvs:\n");
  });
});
