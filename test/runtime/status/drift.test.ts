import { describe, expect, it } from "vitest";
import type { BackendName } from "../../../compiler/backends/backend.ts";
import { deltaIptables } from "../../../compiler/backends/iptables/delta.ts";
import { deltaIpvs } from "../../../compiler/backends/ipvs/delta.ts";
import { deltaNftables } from "../../../compiler/backends/nftables/delta.ts";
import type { Operation, Step } from "../../../compiler/backends/step.ts";
import { textOf } from "../../../compiler/backends/text.ts";
import { compileBackend, fragmentOf, irOf, specOf } from "../../../compiler/pipeline.ts";
import { planeOf } from "../../../runtime/apply/planes.ts";
import { type BackendProgram, programOf } from "../../../runtime/desired/programs.ts";
import type { PlaneReport } from "../../../runtime/status/observe.ts";
import { countsOf, driftOf, isClean } from "../../../runtime/status/report.ts";

/** What status makes of two programs, one taken for what the kernel holds: for IPVS too, without a kernel that has it. */

const desired = `
cluster {
  pods 10.244.0.0/16
  service-range 10.96.0.0/16
}
node worker-1 { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080 node-port 30080
  endpoint 10.244.1.5
  endpoint 10.244.2.7
}
service shop/empty {
  vip 10.96.0.20
  port http tcp 80
}`;

async function program(backend: BackendName, text: string): Promise<BackendProgram> {
  const { fragment } = await fragmentOf({ path: "test.weir", text });
  const { ir } = irOf(specOf([fragment]).spec, "worker-1");
  const { files } = await compileBackend(ir, backend);
  return programOf({ backend, files: new Map(files.map((file) => [file.path, textOf(file)])) });
}

/** The operations from one program to another of the same backend. */
function stepsBetween(kernel: BackendProgram | null, after: BackendProgram): readonly Step[] {
  switch (after.backend) {
    case "nftables":
      return deltaNftables(kernel?.backend === "nftables" ? kernel.program : null, after.program);
    case "iptables":
      return deltaIptables(kernel?.backend === "iptables" ? kernel.program : null, after.program);
    case "userspace":
      return deltaIptables(kernel?.backend === "userspace" ? kernel.program.rules : null, after.program.rules);
    case "ipvs":
      return deltaIpvs(kernel?.backend === "ipvs" ? kernel.program : null, after.program);
  }
}

function planeWith(kernel: BackendProgram | null, after: BackendProgram): PlaneReport {
  const steps = stepsBetween(kernel, after).filter(({ kind }) => kind !== "flows");
  const operations: readonly Operation[] = steps.flatMap((step) => step.operations);
  return { name: planeOf(after.backend), kernel, foreign: [], operations, steps };
}

async function drift(backend: BackendName, kernelText: string) {
  const after = await program(backend, desired);
  return driftOf([planeWith(await program(backend, kernelText), after)], after);
}

const backends = ["iptables", "nftables", "ipvs"] as const;

describe.each(backends)("%s", (backend) => {
  it("says nothing of what is as it should be", async () => {
    const same = await drift(backend, desired);
    expect(isClean(same)).toBe(true);
    expect([...same.structure, ...same.services, ...same.other]).toEqual([]);
    const foreign = { plane: "nftables", place: "chain WEIR-X", text: "-j ACCEPT" } as const;
    expect(isClean({ ...same, foreign: [foreign] })).toBe(false);
  });

  it("an endpoint that is missing, or should not be there", async () => {
    const { services, structure, other } = await drift(backend, desired.replace("10.244.2.7", "10.244.2.9"));
    const meanings = services.map(({ service, frontend, meaning }) => `${service} ${frontend} ${meaning}`);
    for (const frontend of ["10.96.0.10:80/tcp", "node port 30080/tcp"]) {
      expect(meanings).toContain(`shop/web:http ${frontend} 10.244.2.7:8080 gets no connections`);
      expect(meanings).toContain(`shop/web:http ${frontend} 10.244.2.9:8080 gets connections, and should not`);
    }
    expect([...new Set(services.map(({ problem, endpoint }) => `${problem} ${endpoint}`))]).toEqual(
      expect.arrayContaining(["endpoint-missing 10.244.2.7:8080", "endpoint-extra 10.244.2.9:8080"]),
    );
    expect(structure).toEqual([]);
    expect(other.filter(({ key }) => key === "shop/web:http")).toEqual([]);
  });

  it("a frontend that is missing, or should not be there", async () => {
    const { services } = await drift(backend, desired.replace("10.96.0.10", "10.96.0.11"));
    expect(services.map(({ problem, meaning }) => `${problem}: ${meaning}`).sort()).toEqual([
      "unserved: 10.96.0.10:80/tcp is not served",
      "unwanted: 10.96.0.11:80/tcp is served, and should not be",
    ]);
  });

  it("a frontend that refuses and should serve, and the other way around", async () => {
    const kernel = desired.replace(/ {2}endpoint .*\n/g, "").replace("tcp 80\n}", "tcp 80\n  endpoint 10.244.1.6\n}");
    const { services } = await drift(backend, kernel);
    const meanings = services.map(({ frontend, meaning }) => `${frontend} ${meaning}`);
    expect(meanings).toContain("10.96.0.10:80/tcp 10.96.0.10:80/tcp is not served");
    expect(meanings).toContain("10.96.0.20:80/tcp 10.244.1.6:80 gets connections, and should not");
  });

  it("with nothing in the kernel, says so once", async () => {
    const after = await program(backend, desired);
    const { structure, services, operations } = driftOf([planeWith(null, after)], after);
    expect(structure.length).toBeGreaterThan(0);
    expect(structure.map(({ meaning }) => meaning).join("\n")).toContain("no ");
    expect(services).toEqual([]);
    expect(operations.length).toBeGreaterThan(0);
  });

  it("counts what should be served", async () => {
    expect(countsOf(await program(backend, desired))).toEqual({ services: 2, frontends: 3, endpoints: 2 });
  });
});

describe("what only some backends have", () => {
  it("IPVS: routes, sets and settings", async () => {
    const after = await program("ipvs", desired);
    if (after.backend !== "ipvs") throw new Error("another backend");
    const { routing, sysctls, sets } = after.program;
    const kernel: BackendProgram = {
      backend: "ipvs",
      program: {
        ...after.program,
        routing: { ...routing, ipv4: null },
        sysctls: sysctls.map((each) => (each.name === "net.ipv4.vs.conntrack" ? { ...each, value: "0" } : each)),
        sets: sets.filter(({ name }) => name !== "weir-frontends"),
      },
    };
    const { structure } = driftOf([planeWith(kernel, after)], after);
    expect(structure).toEqual([
      { object: "set weir-frontends", meaning: "no packet is found in it" },
      {
        object: "routing rule 1000 (ipv4)",
        meaning: "IPv4 packets for service addresses that arrive here do not reach IPVS",
      },
      { object: "setting net.ipv4.vs.conntrack", meaning: "it is 0, and should be 1" },
    ]);
  });

  it("userspace: the rules into the proxy", async () => {
    const after = await program("userspace", desired);
    expect(countsOf(after)).toEqual({ services: 2, frontends: 3, endpoints: 2 });
    const kernel = await program("userspace", desired.replace("10.96.0.10", "10.96.0.11"));
    const { services } = driftOf([planeWith(kernel, after)], after);
    expect(services.map(({ meaning }) => meaning)).toContain("10.96.0.10:80/tcp is not served");
  });
});
