import { describe, expect, it } from "vitest";
import { contextOf } from "../../../compiler/cli/context.ts";
import type { Io } from "../../../compiler/cli/io.ts";
import { irOf } from "../../../compiler/pipeline.ts";
import type { PlannedStep } from "../../../runtime/apply/plan.ts";
import { VerifyError, verifyChange } from "../../../runtime/cli/verify-change.ts";
import { desiredOf } from "../../support/desired.ts";
import { readText } from "../../support/random-specs.ts";

const spec = (endpoint: string): string => `
node worker-1 { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  port http tcp 80
  endpoint ${endpoint}
}
service shop/dns {
  vip 10.96.0.53
  port dns udp 53
  endpoint 10.244.1.6
}`;

function touching(key: string | null): readonly PlannedStep[] {
  const operations = [{ action: "add", object: "element", name: "x", key }] as const;
  return [{ plane: "nftables", step: { kind: "nft", operations, input: [] } }];
}

const said: string[] = [];
const io: Io = {
  stdout: { isTerminal: false, write: async () => {} },
  stderr: { isTerminal: false, write: async (text) => void said.push(String(text)) },
  readStdin: async () => Buffer.from(""),
  environment: {},
};
const context = contextOf(io, {});

/** The rules of one spec, and the meaning of another. */
async function verified(endpoint: string, key: string | null): Promise<void> {
  const { ir } = irOf(await readText(spec("10.244.1.5")), "worker-1");
  await verifyChange(context, ir, await desiredOf("nftables", spec(endpoint)), touching(key));
}

describe("what a change touches", () => {
  it("is held against the spec before it is applied", async () => {
    await verified("10.244.1.5", "shop/web:http");
    await verified("10.244.1.5", null);
    await expect(verified("10.244.1.9", "shop/web:http")).rejects.toThrow(VerifyError);
    await expect(verified("10.244.1.9", "shop/web:http")).rejects.toThrow(
      /expected: 10.244.1.5:80[\s\S]*got: +10.244.1.9:80/,
    );
  });

  it("is everything where a rule serves all, and nothing else where it does not", async () => {
    await expect(verified("10.244.1.9", null)).rejects.toThrow(VerifyError);
    await verified("10.244.1.9", "shop/dns:dns");
  });

  it("is left to weir verify where it is a great deal, which is said", async () => {
    const many = Array.from({ length: 201 }, (_, at) => touching(`shop/s${at}`)).flat();
    const { ir } = irOf(await readText(spec("10.244.1.5")), "worker-1");
    await verifyChange(context, ir, await desiredOf("nftables", spec("10.244.1.9")), many);
    expect(said.join("")).toContain("201 service ports");
  });
});
