import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";

const good = `node worker-1 {
  address 192.0.2.11
}

service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5 on worker-1
}
`;
/** Two owners of one address and port: an error; nothing to reach: a warning. */
const bad = `${good}
service shop/other {
  vip 10.96.0.10
  port http tcp 80
}

service shop/lost {
  port http tcp 80
}
`;
const warned = `${good}
service shop/lost {
  port http tcp 80
}
`;

describe("weir check", () => {
  it("shows a thousand findings, errors first, and all of them as JSON", async () => {
    const lost = Array.from({ length: 1200 }, (_, at) => `service a/s${at} {\n  port http tcp 80\n}\n`).join("");
    enterFolder({ "many.weir": `${lost}service z/z {\n  vip 10.0.0.1\n}\n` });
    const { code, stderr } = await weir(["check", "many.weir"]);
    expect(code).toBe(1);
    expect(stderr.match(/^warning\[spec\/no-address\]/gm)).toHaveLength(999);
    expect(stderr).toMatch(/^error\[spec\/no-port\]/);
    expect(stderr).toContain("\nand 201 more findings, which --json has all\n");
    const { stdout } = await weir(["check", "--json", "many.weir"]);
    expect(stdout.match(/"spec\/no-address"/g)).toHaveLength(1200);
  });

  it("says on standard error what it read, and nothing on standard output", async () => {
    enterFolder({ "a.weir": good });
    expect(await weir(["check", "a.weir"])).toEqual({
      code: 0,
      stdout: "",
      stderr: "1 file, 1 service, 1 node: no findings\n",
    });
    expect(await weir(["check", "--quiet", "a.weir"])).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("shows all findings and ends with 1", async () => {
    enterFolder({ "a.weir": bad });
    const { code, stdout, stderr } = await weir(["check", "a.weir"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("error[spec/vip-port-taken]: 10.96.0.10 port 80/tcp is already served by shop/");
    expect(stderr).toContain("warning[spec/no-address]");
    expect(stderr).toMatch(/1 file, 3 services, 1 node: 1 error, 1 warning\n$/);
    const quiet = await weir(["check", "-q", "a.weir"]);
    expect(quiet.stderr).not.toContain("warning[");
    expect(quiet.stderr).toContain("error[spec/vip-port-taken]");
  });

  it("takes warnings for errors with -Werror", async () => {
    enterFolder({ "a.weir": warned });
    expect((await weir(["check", "a.weir"])).code).toBe(0);
    const strict = await weir(["check", "-Werror", "a.weir"]);
    expect(strict.code).toBe(1);
    expect(strict.stderr).toContain("error[spec/no-address]");
    expect((await weir(["check", "-W", "all", "a.weir"])).code).toBe(64);
  });

  it("writes the other formats to standard output alone", async () => {
    enterFolder({ "a.weir": bad });
    const json = await weir(["check", "--format", "json", "a.weir"]);
    expect([json.code, json.stderr]).toEqual([1, ""]);
    expect(JSON.parse(json.stdout)).toMatchObject({ errors: 1, warnings: 1 });
    expect(await weir(["check", "--json", "a.weir"])).toEqual(json);
    expect(await weir(["--json", "check", "a.weir"])).toEqual(json);
    expect((await weir(["check", "--format", "github", "a.weir"])).stdout).toMatch(/^::error file=a\.weir,line=/);
    expect((await weir(["check", "--format", "sarif", "a.weir"])).stdout).toContain('"version": "2.1.0"');
    expect((await weir(["check", "--json", "--format", "sarif", "a.weir"])).code).toBe(64);
  });

  it("reports one finding once, however many nodes there are", async () => {
    enterFolder({ "a.weir": `${good}\nnode worker-2 {\n  address 192.0.2.12\n}\n${warned.slice(good.length)}` });
    expect(JSON.parse((await weir(["check", "--json", "a.weir"])).stdout)).toMatchObject({ warnings: 1 });
    const tunnel = good.replace("vip ", "forward tunnel\n  vip ");
    enterFolder({ "a.weir": `${tunnel}\nnode worker-2 {\n  address 192.0.2.12\n}\n` });
    const asked = await weir(["check", "--json", "--backend", "iptables", "a.weir"]);
    expect(JSON.parse(asked.stdout)).toMatchObject({ errors: 1 });
  });

  it("checks a spec without nodes, without asking for one", async () => {
    enterFolder({ "a.weir": "service a/b {\n  vip 10.96.0.1\n  port tcp 80\n  endpoint 10.0.0.1\n}\n" });
    expect((await weir(["check", "a.weir"])).stderr).toBe("1 file, 1 service, 0 nodes: no findings\n");
    const named = await weir(["check", "a.weir", "--node", "edge"]);
    expect([named.code, named.stderr]).toEqual([0, expect.stringContaining("note[spec/undescribed-node]")]);
    const described = await weir(["check", "a.weir", "--node", "edge", "--node-address", "192.0.2.1"]);
    expect(described.stderr).not.toContain("spec/undescribed-node");
  });

  it("asks backends only on request", async () => {
    const tunnel = good.replace("vip ", "forward tunnel\n  vip ");
    enterFolder({ "a.weir": tunnel });
    expect((await weir(["check", "a.weir"])).code).toBe(0);
    const asked = await weir(["check", "--backend", "iptables", "a.weir"]);
    expect(asked.code).toBe(1);
    expect(asked.stderr).toContain("error[lower/");
  });

  it("reads standard input", async () => {
    enterFolder();
    expect((await weir(["check", "-"], { stdin: good })).code).toBe(0);
    const { stderr } = await weir(["check", "-", "--stdin-name", "edited.weir"], { stdin: bad });
    expect(stderr).toContain("--> edited.weir:");
    expect((await weir(["check", "-"], { stdin: bad })).stderr).toContain("--> <stdin>:");
    expect((await weir(["check", "-"])).code).toBe(0);
  });

  it("does not blame what is missing when a file could not be read", async () => {
    enterFolder({ "a.weir": `${good}\nservice shop/broken {\n  vip 10.96.0.300\n  port tcp 80\n}\n` });
    const { code, stderr } = await weir(["check", "a.weir"]);
    expect(code).toBe(1);
    expect(stderr).not.toContain("spec/no-address");
  });

  it("takes colours on request, on a terminal, and not with NO_COLOR", async () => {
    enterFolder({ "a.weir": bad });
    const colored = async (args: readonly string[], isTerminal = false, environment = {}): Promise<boolean> =>
      (await weir(["check", "a.weir", ...args], { isTerminal, environment })).stderr.includes("\u001b[");
    expect(await colored([])).toBe(false);
    expect(await colored(["--color", "always"])).toBe(true);
    expect(await colored([], true)).toBe(true);
    expect(await colored(["--color", "never"], true)).toBe(false);
    expect(await colored([], true, { NO_COLOR: "1" })).toBe(false);
    expect(await colored([], true, { TERM: "dumb" })).toBe(false);
  });
});
