import { describe, expect, it } from "vitest";
import { ipvsBackend } from "../../../../compiler/backends/ipvs/backend.ts";
import type { IrFrontend } from "../../../../compiler/ir/ir.ts";
import { anyRoute, frontend, localRoutes, nodePortFrontend, testIr } from "../../../support/ir.ts";

const direct = { method: "direct" } as const;

function codes(frontends: readonly IrFrontend[], allowedWarnings: readonly string[] = []): readonly string[] {
  return ipvsBackend.lower(testIr({ frontends, allowedWarnings })).diagnostics.map((finding) => finding.code);
}

describe("what IPVS cannot do", () => {
  it("refuses to change ports without translating", () => {
    const forwarding = direct;
    expect(codes([frontend("10.96.0.10:80", { routes: anyRoute(["10.244.1.5:8080"]), forwarding })])).toEqual([
      "lower/forwarding-changes-port",
    ]);
    expect(codes([frontend("10.96.0.10:80", { routes: anyRoute(["10.244.1.5:80"]), forwarding })])).toEqual([]);
  });

  it("does not schedule single packets that it must translate", () => {
    const options = { protocol: "udp", routes: anyRoute(["10.244.1.5:53"]), onePacket: true } as const;
    const translated = frontend("10.96.0.10:53", options);
    const { program } = ipvsBackend.lower(testIr({ frontends: [translated] }));
    expect(program.virtualServers[0]?.onePacket).toBe(false);
    expect(codes([translated])).toEqual(["lower/one-packet-approximated"]);
    expect(codes([translated], ["lower/one-packet-approximated"])).toEqual([]);
    const kept = frontend("10.96.0.10:53", { ...options, forwarding: direct });
    expect(codes([kept])).toEqual([]);
    expect(ipvsBackend.lower(testIr({ frontends: [kept] })).program.virtualServers[0]?.onePacket).toBe(true);
  });

  it("keeps affinity by hash where a mark and another port come together", () => {
    const sticky = { affinitySeconds: 300 };
    const mapped = nodePortFrontend("ipv4", 30080, { routes: anyRoute(["10.244.1.5:8080"]), ...sticky });
    const { program } = ipvsBackend.lower(testIr({ frontends: [mapped] }));
    expect(program.virtualServers[0]).toMatchObject({
      scheduler: "mh",
      schedulerFlags: ["fallback"],
      persistence: null,
    });
    expect(codes([mapped])).toEqual(["lower/affinity-by-hash"]);
    const same = frontend("198.51.100.7:80", {
      kind: "load-balancer",
      routes: localRoutes(["10.244.1.5:80 local", "10.244.2.7:80"]),
      ...sticky,
    });
    expect(codes([same])).toEqual([]);
    const servers = ipvsBackend.lower(testIr({ frontends: [same] })).program.virtualServers;
    expect(servers.map((server) => server.persistence?.timeoutSeconds)).toEqual([300, 300]);
  });
});
