import { describe, expect, it } from "vitest";
import { ipvsBackend } from "../../../../compiler/backends/ipvs/backend.ts";
import { anyRoute, frontend, nodePortFrontend, testIr } from "../../../support/ir.ts";

const tunnel = { method: "tunnel", type: "ipip", port: null } as const;
const { program } = ipvsBackend.lower(
  testIr({
    frontends: [
      frontend("10.96.0.10:80", { routes: anyRoute(["10.244.1.5:80"]), scheduler: "sed", forwarding: tunnel }),
      nodePortFrontend("ipv4", 30080, { key: "shop/api", routes: anyRoute(["10.244.1.6:80"]) }),
    ],
  }),
);

describe("requirements", () => {
  it("name modules, tools and settings, each once", () => {
    const names = ipvsBackend.requirements(program).map(({ kind, name }) => `${kind} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        "kernel-module ip_vs",
        "kernel-module ip_vs_sed",
        "kernel-module ip_vs_wrr",
        "kernel-module ip_set_hash_ipportnet",
        "kernel-module ipt_REJECT",
        "kernel-module xt_connmark",
        "kernel-module xt_ipvs",
        "kernel-module xt_set",
        "tool ipset",
        "tool iptables-restore",
        "sysctl net.ipv4.vs.conntrack",
      ]),
    );
    expect(names).not.toContain("tool ip6tables-restore");
  });
});

describe("names", () => {
  it("lead from virtual servers and marks to services", () => {
    const names = new Map(ipvsBackend.names(program).map(({ name, key }) => [name, key]));
    const id = program.virtualServers[1]?.id;
    const mark = id?.kind === "mark" ? id.mark : 0;
    expect(names.get("-t 10.96.0.10:80")).toBe("shop/web:http");
    expect(names.get(`-f ${mark}`)).toBe("shop/api");
    expect(names.get(`0x${mark.toString(16)}`)).toBe("shop/api");
    expect(names.get("weir-frontends")).toBeNull();
    expect(names.get("WEIR-IPVS-DISPATCH")).toBeNull();
  });
});
