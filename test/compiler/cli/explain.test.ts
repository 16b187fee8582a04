import { describe, expect, it } from "vitest";
import { temporaryFolder, weir } from "../../support/command.ts";

const shop = "docs/examples/shop.weir";

interface Thing {
  readonly what: string;
  readonly name: string;
  readonly service: string | null;
  readonly source: string | null;
  readonly backends: readonly string[];
  readonly nodes: readonly string[];
  readonly frontends: readonly string[];
  readonly endpoints: readonly { readonly socket: string; readonly source: string }[];
}

async function things(name: string, path = shop): Promise<readonly Thing[]> {
  const { code, stdout } = await weir(["explain", "--json", name, path]);
  expect(code).toBe(0);
  return JSON.parse(stdout).things;
}

describe("weir explain", () => {
  it.each([
    ["WEIR-VERDICTS", "chain", null],
    ["nat WEIR-SERVICES", "chain", null],
    ["WEIR-FW-shop-web-ht-oei4eoui", "chain", "shop/web:http"],
    ["weir-frontends", "IPv4 set", null],
    ["ip weir pick-4", "chain", null],
    ["@frontends", "set or map", null],
    ["10.96.0.10 . tcp . 80", "frontend", "shop/web:http"],
    ["10.96.0.10,tcp:80", "frontend", "shop/web:http"],
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
    const found = await things(name);
    expect(found).toContainEqual(expect.objectContaining({ what, service }));
  });

  it("names line, nodes, backends, frontends and endpoints", async () => {
    const [thing] = await things("WEIR-FW-shop-web-ht-oei4eoui");
    expect(thing).toMatchObject({
      source: `${shop}:22`,
      backends: ["iptables", "userspace"],
      nodes: ["worker-1", "worker-2"],
      frontends: ["cluster tcp 10.96.0.10:80", "load-balancer tcp 203.0.113.80:80"],
      endpoints: [
        { socket: "10.244.1.5:8080", source: `${shop}:23` },
        { socket: "10.244.2.7:8080", source: `${shop}:24` },
      ],
    });
  });

  it("knows marks of virtual servers", async () => {
    const { stdout } = await weir([
      "compile",
      "fixtures/31-external-policy-local",
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
      const found = await things(name, "fixtures/31-external-policy-local");
      expect(found).toContainEqual(expect.objectContaining({ what: "virtual server", name: `-f ${number}` }));
    }
  });

  it("names the service of what one large pool has for itself", async () => {
    const { stdout } = await weir([
      "compile",
      "fixtures/08-weights-large",
      "--node",
      "worker-1",
      "--backend",
      "nftables",
      "-o",
      "-",
    ]);
    const name = /map (weights-[a-z0-9-]+)/.exec(stdout)?.[1] ?? "";
    expect(await things(name, "fixtures/08-weights-large")).toContainEqual(
      expect.objectContaining({ what: "map", service: "shop/lopsided:http" }),
    );
  });

  it("reads compiled folders", async () => {
    const folder = `${temporaryFolder()}/build`;
    await weir(["compile", shop, "--all-nodes", "-o", folder]);
    for (const path of [folder, `${folder}/worker-1`]) {
      expect(await things("10.96.0.10 . tcp . 80", path)).toEqual([
        expect.objectContaining({ what: "virtual server", source: "shop.weir: service shop/web" }),
      ]);
    }
  });

  it("suggests what was meant and ends with 1", async () => {
    const { code, stdout, stderr } = await weir(["explain", "WEIR-VERDICT", shop]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe("error: nothing is called WEIR-VERDICT; did you mean WEIR-VERDICTS?\n");
  });

  it("shows no control characters of the name", async () => {
    const { code, stderr } = await weir(["explain", "\u001b[2Jx", shop]);
    expect([code, stderr]).toEqual([1, "error: nothing is called \\u{1b}[2Jx\n"]);
  });
});
