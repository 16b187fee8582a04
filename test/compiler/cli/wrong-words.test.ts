import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";

const spec = `node worker-1 {
  address 192.0.2.11
}
service shop/web {
  vip 10.96.0.10
  port http tcp 80 node-port 30080
  endpoint 10.244.1.5 on worker-1
}
`;

const packet = ["tcp", "10.244.1.5", "10.96.0.10:80"];

describe("what a newcomer types", () => {
  it.each([
    [64, "the name comes first, then PATH...: weir explain WEIR-X a.weir", ["explain", "a.weir", "WEIR-X"]],
    [1, "did you mean -t 10.96.0.10:80?", ["explain", "10.96.0.10", "a.weir"]],
    [1, "known are chains, sets, maps", ["explain", "what", "a.weir"]],
    [64, "write [fd00::10]:80", ["trace", "a.weir", "--node", "worker-1", "tcp", "fd00::1", "fd00::10:80"]],
    [0, "the inputs declare no service", ["trace", "empty.weir", "--node", "worker-1", ...packet]],
    [2, "for a git revision write main.. PATH or main:PATH", ["diff", "main", "a.weir"]],
    [2, "error: cannot read b.weir: no such file or folder\n", ["diff", "b.weir", "a.weir"]],
    [2, "cannot find the revision HEAD: not a git repository", ["diff", "HEAD:../x", "a.weir"]],
    [2, "broken.weir: a spec with errors cannot be compared", ["diff", "a.weir", "broken.weir"]],
    [0, "nothing describes node worker-2", ["diff", "a.weir", "a.weir", "--node", "worker-2"]],
    [0, "nothing describes node worker-2", ["test", "a.weir", "--node", "worker-2"]],
    [64, "unknown command 'verfy'\n(Did you mean verify?)", ["verfy", "a.weir"]],
  ])("ends with %i and %s", async (code, text, words) => {
    enterFolder({ "a.weir": spec, "empty.weir": "", "broken.weir": "service" });
    const ended = await weir(words);
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(text)]);
  });

  it("may be a packet in one word, as answers and expectations write it", async () => {
    enterFolder({ "a.weir": spec });
    const words = ["trace", "a.weir", "--node", "worker-1"];
    const answer = await weir([...words, ...packet]);
    expect(answer.code).toBe(0);
    for (const one of ["tcp 10.244.1.5 -> 10.96.0.10:80", "tcp 10.244.1.5 10.96.0.10:80"]) {
      expect(await weir([...words, one])).toEqual(answer);
    }
  });

  it("may be the number of a node port", async () => {
    enterFolder({ "a.weir": spec });
    const { code, stdout } = await weir(["explain", "30080", "a.weir"]);
    expect(code).toBe(0);
    expect(stdout).toContain("where tcp connections to node port 30080 are taken up\n  serves shop/web:http");
  });

  it("may be help", async () => {
    expect(await weir(["help", "trace"])).toEqual(await weir(["trace", "--help"]));
    expect((await weir(["help"])).code).toBe(0);
  });
});
