import { describe, expect, it } from "vitest";
import { enterFolder, weir } from "../../support/command.ts";

const spec = `service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5 on worker-1
}
`;

describe("weir convert", () => {
  it("goes to Kubernetes objects and back", async () => {
    enterFolder({ "a.weir": spec });
    const objects = await weir(["convert", "--to", "k8s", "a.weir"]);
    expect([objects.code, objects.stderr]).toEqual([0, ""]);
    expect(objects.stdout).toContain("kind: Service");
    const back = await weir(["convert", "--to", "weir", "-"], { stdin: objects.stdout });
    expect([back.code, back.stderr]).toEqual([0, ""]);
    expect(back.stdout).toContain("service shop/web {");
    expect(back.stdout).toContain("endpoint 10.244.1.5 on worker-1");
  });

  it("prints canonical text", async () => {
    enterFolder({ "a.weir": spec });
    const { stdout } = await weir(["convert", "--to", "weir", "a.weir"]);
    expect((await weir(["fmt", "-"], { stdin: stdout })).stdout).toBe(stdout);
  });

  it("prints nothing after an error", async () => {
    enterFolder({ "a.weir": `${spec}${spec}` });
    const { code, stdout, stderr } = await weir(["convert", "--to", "k8s", "a.weir"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("error[spec/duplicate-service]");
    const expecting = `${spec}\nexpect: tcp 10.0.0.1 -> 10.96.0.10:80 reaches shop/web\n`;
    const refused = await weir(["convert", "--to", "k8s", "-"], { stdin: expecting });
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("error[kubernetes/cannot-carry]");
    const json = await weir(["convert", "--to", "k8s", "--json", "a.weir"]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ text: null, errors: 1 });
  });
});
