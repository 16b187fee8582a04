import { beforeEach, expect, it } from "vitest";
import { builtWeir } from "../support/built.ts";
import { temporaryFolder } from "../support/command.ts";
import { labTrouble, skipFor } from "../support/kernel.ts";
import { openKernelNode } from "../support/kernel-node.ts";

/** The flavour of iptables that is asked for, whatever is known of the one in use. */

const script = builtWeir("flavour");

const spec = `node worker-1 {
  address 192.0.2.11
  pods 10.244.1.0/24
}
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
  endpoint 10.244.1.5 on worker-1
}
`;

beforeEach(async (context) => {
  const trouble = await labTrouble();
  if (trouble !== null) skipFor(context, trouble);
});

it("rules move from one iptables to the other when they are told to", { timeout: 120_000 }, async () => {
  const folder = temporaryFolder({ "shop.weir": spec });
  const node = await openKernelNode(script);
  const applyIn = async (flavour: string): Promise<void> => {
    const ended = await node.weir(["apply", folder, "--backend", "iptables", "--iptables", flavour]);
    expect(ended.code, ended.stderr).toBe(0);
  };
  const counts = async (): Promise<readonly number[]> =>
    Promise.all(
      ["nft", "legacy"].map(async (flavour) => {
        const { stdout } = await node.run([`iptables-${flavour}-save`]);
        return stdout.split("\n").filter((line) => line.startsWith("-A WEIR-")).length;
      }),
    );
  await applyIn("nft");
  const [count = 0] = await counts();
  expect(count).toBeGreaterThan(5);
  await applyIn("legacy");
  expect(await counts()).toEqual([0, count]);
  await applyIn("nft");
  expect(await counts()).toEqual([count, 0]);
});
