import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";
import { parseXml, type XmlElement } from "../../support/xml.ts";

const spec = `cluster {
  pods 10.244.0.0/16
}

node worker-1 {
  address 192.0.2.11
  pods 10.244.1.0/24
}

node worker-2 {
  address 192.0.2.12
  pods 10.244.2.0/24
}

service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5 on worker-1
  endpoint 10.244.2.7 on worker-2
  endpoint 10.244.2.8 on worker-2
}
`;
const packet = "tcp 10.244.1.77 -> 10.96.0.10:80";

/** The exit code for the spec with these lines, and who failed. */
async function tested(lines: string, ...args: readonly string[]) {
  enterFolder({ "a.weir": `${spec}\n${lines}\n` });
  const { code, stdout, stderr } = await weir(["test", "--json", "a.weir", ...args]);
  if (stdout === "") throw new Error(stderr);
  const { results } = JSON.parse(stdout) as {
    results: { by: string; node: string; status: string; reasons: string[] }[];
  };
  const failed = results.filter(({ status }) => status === "failed");
  return {
    code,
    tried: results.length,
    failed: failed.map(({ by }) => by),
    reasons: [...new Set(failed.flatMap(({ reasons }) => reasons))],
  };
}

describe("weir test", () => {
  it.each([
    "reaches shop/web",
    "reaches shop/web:http 100%",
    "reaches 10.244.1.5 33%, 10.244.2.7 33.3%, 10.244.2.8",
    "reaches 10.244.1.5 33%, shop/web",
    "reaches shop/web, 10.244.9.9 0%",
    "reaches shop/web masquerade no",
  ])("passes what holds: %s", async (outcome) => {
    expect(await tested(`expect: ${packet} ${outcome}`)).toEqual({ code: 0, tried: 10, failed: [], reasons: [] });
  });

  const all = ["spec", "iptables", "ipvs", "nftables", "userspace"];
  it.each([
    ["dropped", "it is not dropped"],
    ["rejected", "it is not rejected"],
    ["not-ours", "it is not left alone"],
    ["reaches 10.244.1.5, 10.244.2.7", "10.244.2.8:8080 is none of the targets"],
    ["reaches shop/web, 10.244.9.9", "nothing reaches 10.244.9.9"],
    ["reaches shop/web, 10.244.1.5 0%", "10.244.1.5 is reached, and should not be"],
    ["reaches shop/web, 10.244.1.5 34%", "10.244.1.5 gets 33.33%, not 34%"],
  ])("fails with every backend what does not hold: %s", async (outcome, reason) => {
    const { code, failed, reasons } = await tested(`expect on worker-1: ${packet} ${outcome}`);
    expect({ code, failed, reasons }).toEqual({ code: 1, failed: all, reasons: [reason] });
  });

  it("does not ask the proxy about masquerading, and says so", async () => {
    const line = `expect on worker-1: ${packet} reaches shop/web masquerade yes`;
    const { failed, reasons } = await tested(line);
    expect(failed).toEqual(all.slice(0, 4));
    expect(reasons).toEqual(["the endpoint sees the client's address as source"]);
    const { stdout } = await weir(["test", "a.weir"]);
    expect(stdout).toContain("by userspace, masquerade is not compared");
  });

  it("names endpoints of another service as strangers", async () => {
    const other = "service shop/webx {\n  vip 10.96.0.11\n  port http tcp 80\n  endpoint 10.244.2.7\n}\n";
    const { failed, reasons } = await tested(
      `${other}expect on worker-1: tcp 10.244.1.77 -> 10.96.0.11:80 reaches shop/web`,
    );
    // where both services share an endpoint and its port differs, none is mistaken for the other
    expect(failed).toEqual(all);
    expect(reasons).toContain("10.244.2.7:80 is none of the targets");
  });

  it("holds shares against the scheduler where the backend has it, and says where it has not", async () => {
    const rounds = spec.replace("port http", "scheduler rr\n  allow warning lower/scheduler-approximated\n  port http");
    const weighted = rounds.replace("on worker-1\n  endpoint", "on worker-1 weight 2\n  endpoint");
    enterFolder({ "a.weir": `${weighted}\nexpect on worker-1: ${packet} reaches shop/web, 10.244.1.5 33%\n` });
    const { code, stdout } = await weir(["test", "a.weir"]);
    expect(code).toBe(0);
    expect(stdout).toContain("by nftables, shares are not compared: nftables spreads by weight, not by the scheduler");
    expect(stdout).not.toContain("by ipvs");
  });

  it("says that a scheduler promises nothing", async () => {
    const least = spec.replace("port http", "scheduler lc\n  port http");
    enterFolder({ "a.weir": `${least}\nexpect on worker-1: ${packet} reaches shop/web, 10.244.1.5 33%\n` });
    const { code, stdout } = await weir(["test", "a.weir", "--backend", "ipvs"]);
    expect(code).toBe(1);
    expect(stdout).toContain("the scheduler promises 10.244.1.5 no share, so 33% may not hold");
  });

  it("tells of a backend that cannot do what the spec says, and fails it when it was asked for", async () => {
    const direct = spec.replace("port http tcp 80 -> 8080", "forward direct\n  port http tcp 80");
    enterFolder({ "a.weir": `${direct}\nexpect on worker-1: ${packet} reaches shop/web\n` });
    const anyone = await weir(["test", "a.weir"]);
    expect(anyone.code).toBe(0);
    expect(anyone.stdout).toContain("not tried by nftables: lower/forwarding-unsupported: nftables cannot");
    expect(anyone.stderr).toContain("2 passed, 0 failed, 3 not tried because the backend cannot do it");
    const asked = await weir(["test", "a.weir", "--backend", "nftables"]);
    expect(asked.code).toBe(1);
    expect(asked.stdout).toContain("lower/forwarding-unsupported");
  });

  it("shows the line of the spec, what came out and through which rules", async () => {
    enterFolder({ "a.weir": `${spec}\nexpect on worker-1: ${packet} reaches 10.244.1.5\n` });
    const { stdout } = await weir(["test", "a.weir", "--backend", "nftables"]);
    expect(stdout.split("\n").slice(0, 10)).toEqual([
      `failed  on worker-1: ${packet} reaches 10.244.1.5`,
      "  --> a.weir:23:1",
      "   |",
      `23 | expect on worker-1: ${packet} reaches 10.244.1.5`,
      `   | ${"^".repeat(`expect on worker-1: ${packet} reaches 10.244.1.5`.length)}`,
      "  by the spec's meaning, nftables",
      "    got 10.244.1.5:8080 33.33%, 10.244.2.7:8080 33.33%, 10.244.2.8:8080 33.33%",
      "    10.244.2.7:8080 is none of the targets",
      "    10.244.2.8:8080 is none of the targets",
      "    by the rules of nftables:",
    ]);
  });

  it("tries lines of the chosen nodes, and says when there are none", async () => {
    const lines = `expect on worker-1: ${packet} reaches shop/web\nexpect: ${packet} reaches shop/web`;
    expect((await tested(lines)).tried).toBe(15);
    expect((await tested(lines, "--node", "worker-2")).tried).toBe(5);
    const { stderr } = await weir(["test", "a.weir", "--node", "worker-2"]);
    expect(stderr).toBe("1 expect line on 1 node: 5 passed, 0 failed; 1 line for other nodes left out\n");
    enterFolder({ "a.weir": spec });
    expect(await weir(["test", "a.weir"])).toEqual({ code: 0, stdout: "", stderr: "no expect lines to test\n" });
  });

  it("ends with 1 for errors in the spec, 2 for trouble, 64 for wrong usage", async () => {
    enterFolder({ "a.weir": "service {\n", "b.weir": `expect: ${packet} dropped\n` });
    expect((await weir(["test", "a.weir"])).code).toBe(1);
    expect((await weir(["test", "none.weir"])).code).toBe(2);
    expect((await weir(["test", "b.weir"])).code).toBe(64);
    expect((await weir(["test", "--json", "--format", "junit", "b.weir"])).code).toBe(64);
    expect((await weir(["test", "b.weir", "--node", "edge", "--node-address", "192.0.2.9"])).code).toBe(1);
  });

  it("leaves colours out of a pipe beside a terminal", async () => {
    enterFolder({ "a.weir": `${spec}\nexpect on worker-1: ${packet} dropped\n` });
    expect((await weir(["test", "a.weir"], { isTerminal: true })).stdout).toContain("\u001b[");
    expect((await weir(["test", "a.weir"])).stdout).not.toContain("\u001b[");
  });
});

/** Attributes and children by element, as junit-10.xsd of Jenkins' xunit-plugin and GitLab's documentation have them. */
const junit: Readonly<
  Record<string, { readonly attributes: readonly string[]; readonly children: readonly string[] }>
> = {
  testsuites: { attributes: ["name", "time", "tests", "failures", "disabled", "errors"], children: ["testsuite"] },
  testsuite: {
    attributes: [
      "name",
      "tests",
      "failures",
      "errors",
      "group",
      "time",
      "skipped",
      "timestamp",
      "hostname",
      "id",
      "package",
      "file",
      "log",
      "url",
      "version",
    ],
    children: ["testcase", "testsuite", "properties", "system-out", "system-err"],
  },
  testcase: {
    attributes: ["name", "time", "classname", "group", "file", "line"],
    children: ["skipped", "error", "failure", "system-out", "system-err"],
  },
  failure: { attributes: ["type", "message"], children: [] },
  error: { attributes: ["type", "message"], children: [] },
  skipped: { attributes: ["type", "message"], children: [] },
  "system-out": { attributes: [], children: [] },
};

function complaints(element: XmlElement): readonly string[] {
  const known = junit[element.name];
  if (known === undefined) return [`no element <${element.name}>`];
  return [
    ...Object.keys(element.attributes).filter((name) => !known.attributes.includes(name)),
    ...element.children.flatMap((child) => (known.children.includes(child.name) ? complaints(child) : [child.name])),
  ];
}

async function junitOf(files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  enterFolder(files);
  const { code, stdout } = await weir(["test", "--format", "junit", ...Object.keys(files), ...args]);
  return { code, root: parseXml(stdout) };
}

describe("weir test --format junit", () => {
  it("has a case for each line, node and backend, with places and counts", async () => {
    const lines = `expect: ${packet} reaches shop/web masquerade no\nexpect on worker-1: ${packet} dropped\n`;
    const { code, root } = await junitOf({ "a.weir": `${spec}\n${lines}` });
    expect(code).toBe(1);
    expect(complaints(root)).toEqual([]);
    expect(root.attributes).toEqual({ name: "weir test", tests: "15", failures: "5", errors: "0" });
    expect(root.children.map(({ attributes }) => attributes)).toEqual([
      { name: "expect on worker-1", tests: "10", failures: "5", errors: "0", skipped: "0" },
      { name: "expect on worker-2", tests: "5", failures: "0", errors: "0", skipped: "0" },
    ]);
    const failed = root.children[0]?.children[6];
    expect(failed?.attributes).toMatchObject({ classname: "worker-1.iptables", file: "a.weir", line: "24" });
    expect(failed?.children[0]?.text).toMatch(
      /^expected dropped\ngot 10\.244\.1\.5:8080 33\.33%.*\nit is not dropped\nnat /,
    );
    const names = root.children.flatMap((suite) =>
      suite.children.map(({ attributes }) => `${attributes.classname} ${attributes.name}`),
    );
    expect(new Set(names).size).toBe(15);
  });

  it("marks what a backend cannot do, and errors of the spec", async () => {
    const direct = spec.replace("port http tcp 80 -> 8080", "forward direct\n  port http tcp 80");
    const skipped = await junitOf({ "a.weir": `${direct}\nexpect on worker-1: ${packet} reaches shop/web\n` });
    expect(skipped.code).toBe(0);
    expect(skipped.root.children[0]?.attributes.skipped).toBe("3");
    const { code, root } = await junitOf({ "a.weir": "service {\n" });
    expect(code).toBe(1);
    expect(complaints(root)).toEqual([]);
    expect(root.attributes.errors).toBe(String(root.children[0]?.children.length));
  });

  it("stays XML with a hostile name of a file", async () => {
    const name = "a&<b>\"'\u0007]]>\u{1f600}.weir";
    const { root } = await junitOf({ [name]: `${spec}\nexpect on worker-1: ${packet} dropped\n` });
    expect(complaints(root)).toEqual([]);
    expect(root.children[0]?.children[0]?.attributes.file).toBe(name.replace("\u0007", "\\u{7}"));
    expect(readFileSync(name, "utf8")).toContain("expect");
  });
});
