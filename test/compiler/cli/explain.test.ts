import { describe, expect, it } from "vitest";
import { temporaryFolder, weir } from "../../support/command.ts";

const shop = "docs/examples/shop.weir";

interface Match {
  readonly backend: string;
  readonly name: string;
  readonly what: string;
  readonly service: string | null;
  readonly source: string | null;
  readonly nodes: readonly string[];
}

async function matches(name: string, path = shop): Promise<readonly Match[]> {
  const { code, stdout } = await weir(["explain", "--json", name, path]);
  expect(code).toBe(0);
  return JSON.parse(stdout).matches;
}

describe("weir explain", () => {
  it.each([
    ["WEIR-VERDICTS", "chain", null],
    ["nat WEIR-SERVICES", "chain", null],
    ["WEIR-FW-shop-web-ht-oei4eoui", "chain", "shop/web:http"],
    ["weir-frontends", "IPv4 set", null],
    ["ip weir pick-4", "chain", null],
    ["@frontends", "set or map", null],
    ["10.96.0.10 . tcp . 80", "element of maps", "shop/web:http"],
    ["10.96.0.10,tcp:80", "element of sets", "shop/web:http"],
    ["10.96.0.10:80", "virtual server", "shop/web:http"],
    ["tcp 10.96.0.10:80", "virtual server", "shop/web:http"],
    ["-t 10.96.0.10:80", "virtual server", "shop/web:http"],
    ["-u 10.96.0.53:53", "virtual server", "shop/dns:dns"],
    ["0x4000", "mark bit", null],
    ["0x8000/0x8000", "mark bit", null],
    ["shop/web:http", "service port", "shop/web:http"],
    ["shop/web", "service port", "shop/web:http"],
    ["192.0.2.11:29712", "listener", "shop/web:http"],
    ["29712", "listener", "shop/web:http"],
  ])("knows %s as %s of %s", async (name, what, service) => {
    const found = await matches(name);
    expect(found).toContainEqual(expect.objectContaining({ what, service }));
  });

  it("names line, nodes, backends, frontends and endpoints", async () => {
    const found = await matches("WEIR-FW-shop-web-ht-oei4eoui");
    expect(found.map(({ backend }) => backend)).toEqual(["iptables", "userspace"]);
    expect(found[0]).toMatchObject({
      source: `${shop}:22`,
      nodes: ["worker-1", "worker-2"],
      frontends: [
        { kind: "cluster", protocol: "tcp", at: "10.96.0.10:80" },
        { kind: "load-balancer", protocol: "tcp", at: "203.0.113.80:80" },
      ],
      endpoints: [
        { at: "10.244.1.5:8080", source: `${shop}:23` },
        { at: "10.244.2.7:8080", source: `${shop}:24` },
      ],
    });
  });

  it("knows marks of virtual servers", async () => {
    const { stdout } = await weir([
      "compile",
      "fixtures/31-external-policy-local/service.weir",
      "--node",
      "worker-1",
      "--backend",
      "ipvs",
      "-o",
      "-",
    ]);
    const number = /-A -f ([0-9]+) /.exec(stdout)?.[1] ?? "";
    const hex = `0x${Number(number).toString(16)}`;
    for (const name of [`-f ${number}`, `fwmark ${hex}`, `FWM ${number}`, hex]) {
      const found = await matches(name, "fixtures/31-external-policy-local/service.weir");
      expect(found).toContainEqual(expect.objectContaining({ what: "virtual server", name: `-f ${number}` }));
    }
  });

  it("names the service of what one large pool has for itself", async () => {
    const { stdout } = await weir([
      "compile",
      "fixtures/08-weights-large/service.weir",
      "--node",
      "worker-1",
      "--backend",
      "nftables",
      "-o",
      "-",
    ]);
    const name = /map (weights-[a-z0-9-]+)/.exec(stdout)?.[1] ?? "";
    expect(await matches(name, "fixtures/08-weights-large/service.weir")).toContainEqual(
      expect.objectContaining({ what: "map", service: "shop/lopsided:http" }),
    );
  });

  it("reads compiled folders", async () => {
    const folder = `${temporaryFolder()}/build`;
    await weir(["compile", shop, "--all-nodes", "-o", folder]);
    for (const path of [folder, `${folder}/worker-1`]) {
      const found = await matches("10.96.0.10 . tcp . 80", path);
      expect(new Set(found.map(({ source }) => source))).toEqual(new Set(["shop.weir: service shop/web"]));
      expect(new Set(found.map(({ backend }) => backend)).size).toBe(4);
    }
  });

  it("knows node ports, lists of clients and maps of several nodes", async () => {
    const nodePorts = "fixtures/31-external-policy-local/service.weir";
    for (const name of ["tcp . 30080", "node-port 30080"]) {
      expect(await matches(name, nodePorts)).toContainEqual(
        expect.objectContaining({ backend: "nftables", what: "element of maps", service: "shop/web:http" }),
      );
    }
    const list = "weir-shop-web-http-cluster-10-96-0-10-tcp-80-10-244-1-5-8080-u5hnzeut";
    expect(await matches(list, "fixtures/38-affinity/service.weir")).toEqual([
      expect.objectContaining({ backend: "iptables", what: "recent list", service: "shop/web:http" }),
    ]);
  });

  it("suggests what was meant and ends with 1", async () => {
    const { code, stdout, stderr } = await weir(["explain", "WEIR-VERDICT", shop]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe("error: nothing is called WEIR-VERDICT; did you mean WEIR-VERDICTS?\n");
  });

  it("shows no control characters of the name", async () => {
    const { code, stderr } = await weir(["explain", "\u001b[2Jx", shop]);
    expect([code, stderr]).toEqual([
      1,
      "error: nothing is called \\u{1b}[2Jx; known are chains, sets, maps, their elements, virtual servers, marks, comments\n",
    ]);
  });
});
