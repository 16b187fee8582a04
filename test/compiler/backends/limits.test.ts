import { describe, expect, it } from "vitest";
import { assertInterfaceNames, type BackendLimits, settingsBeyond } from "../../../compiler/backends/limits.ts";
import { backendNames, loadBackend } from "../../../compiler/backends/registry.ts";
import type { IrDetector, IrFrontend } from "../../../compiler/ir/ir.ts";
import { InternalError } from "../../../compiler/result.ts";
import { anyRoute, type FrontendOptions, frontend, localRoutes, testIr } from "../../support/ir.ts";

const limits: BackendLimits = {
  backend: "iptables",
  spreading: "at random by weight",
  protocols: ["tcp", "udp"],
  keepsSource: true,
};

const equal = ["10.244.1.5:80", "10.244.1.6:80"];
const weighted = ["10.244.1.5:80 x3", "10.244.1.6:80"];

function findings(
  options: Partial<FrontendOptions>,
  change: Partial<BackendLimits> = {},
  allowedWarnings: string[] = [],
) {
  const ir = testIr({
    allowedWarnings,
    frontends: [frontend("10.96.0.1:80", { routes: anyRoute(equal), ...options })],
  });
  return settingsBeyond({ ...limits, ...change }, ir);
}

const codesOf = (list: ReturnType<typeof findings>) => list.map(({ code }) => code);

describe("assertInterfaceNames", () => {
  const withDetector = (detector: IrDetector) => () =>
    assertInterfaceNames(testIr({ detector, frontends: [frontend("10.96.0.1:80", { routes: anyRoute(equal) })] }));

  it.each(['cni0"; drop', "a*", "cni+", "a\\", "a b", "a\n", "", "longer-than-15-ch"])("throws at %j", (name) => {
    expect(withDetector({ kind: "interface", name })).toThrow(InternalError);
    expect(withDetector({ kind: "interface-prefix", prefix: name })).toThrow(InternalError);
  });

  it.each(["cni0", "eth0.100", "br-5f1@x:1"])("accepts %j", (name) => {
    expect(withDetector({ kind: "interface", name })).not.toThrow();
  });

  it.each(backendNames)("is asked by %s", async (name) => {
    const ir = testIr({
      detector: { kind: "interface", name: "cni+" },
      frontends: [frontend("10.96.0.1:80", { routes: anyRoute(equal) })],
    });
    const backend = await loadBackend(name);
    expect(() => backend.lower(ir)).toThrow(InternalError);
  });
});

describe("settingsBeyond", () => {
  it.each([
    ["no scheduler", { scheduler: null }, []],
    ["wrr, whose shares are those of weights", { scheduler: "wrr", routes: anyRoute(weighted) }, []],
    ["rr over equal weights", { scheduler: "rr" }, []],
    ["rr over other weights", { scheduler: "rr", routes: anyRoute(weighted) }, ["lower/scheduler-approximated"]],
    ["wlc", { scheduler: "wlc" }, ["lower/scheduler-approximated"]],
    ["direct forwarding", { forwarding: { method: "direct" } }, ["lower/forwarding-unsupported"]],
    ["tunnels", { forwarding: { method: "tunnel", type: "ipip", port: null } }, ["lower/forwarding-unsupported"]],
    ["one packet for udp", { onePacket: true, protocol: "udp" }, ["lower/one-packet-approximated"]],
    ["one packet for tcp, which has no meaning", { onePacket: true }, []],
    ["affinity", { affinitySeconds: 60 }, []],
    ["sctp where it is not served", { protocol: "sctp" }, ["lower/protocol-unsupported"]],
  ] satisfies [string, Partial<FrontendOptions>, string[]][])("%s", (_, options, expected) => {
    expect(codesOf(findings(options))).toEqual(expected);
  });

  it("reports lost client addresses where they were to be kept", () => {
    const routes = localRoutes(["10.244.1.5:80 local", "10.244.1.6:80"]);
    const kept = { kind: "load-balancer", routes } as const;
    const lost = { keepsSource: false };
    expect(codesOf(findings(kept, lost))).toEqual(["lower/source-not-preserved"]);
    expect(codesOf(findings(kept, lost, ["lower/source-not-preserved"]))).toEqual([]);
    expect(codesOf(findings(kept))).toEqual([]);
    expect(codesOf(findings({ kind: "cluster", routes }, lost))).toEqual([]);
    expect(codesOf(findings({ kind: "external", routes: anyRoute(equal, true) }, lost))).toEqual([]);
  });

  it("reports thresholds once for a service, at the endpoint", () => {
    const made = frontend("10.96.0.1:80", { routes: anyRoute(equal) });
    const limited: IrFrontend = {
      ...made,
      routes: made.routes.map((route) => ({
        ...route,
        pool: { ...route.pool, endpoints: route.pool.endpoints.map((one) => ({ ...one, upperThreshold: 100 })) },
      })),
    };
    const list = settingsBeyond(limits, testIr({ frontends: [limited] }));
    expect(list.map(({ message }) => message)).toEqual([
      "iptables does not count connections: the thresholds of 10.244.1.5 in shop/web have no effect",
    ]);
  });

  it("leaves out what the backend has", () => {
    expect(findings({ protocol: "sctp" }, { protocols: ["tcp", "udp", "sctp"] })).toEqual([]);
  });

  it("leaves out warnings that are accepted, and never errors", () => {
    expect(findings({ scheduler: "wlc" }, {}, ["lower/scheduler-approximated"])).toEqual([]);
    const refused = findings({ forwarding: { method: "direct" } }, {}, ["lower/forwarding-unsupported"]);
    expect(refused.map(({ severity }) => severity)).toEqual(["error"]);
  });

  it("reports a setting of several frontends once, where it stands", () => {
    const routes = anyRoute(equal);
    const both = [
      frontend("10.96.0.1:80", { routes, scheduler: "sh" }),
      frontend("10.96.0.2:80", { routes, scheduler: "sh" }),
    ];
    const ir = testIr({ frontends: both });
    const at = { file: { path: "shop.weir", text: "scheduler sh\n" }, start: 0, end: 12 };
    const services = ir.services.map((service) => ({ ...service, settingOrigins: { scheduler: at } }));
    const list = settingsBeyond(limits, { ...ir, services });
    expect(list).toHaveLength(1);
    expect(list[0]?.location).toBe(at);
    expect(list[0]?.help).toContain("ipvs");
  });
});
