import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Exchange } from "../../runtime/lab/protocol.ts";
import { temporaryFolder } from "../support/command.ts";
import { labTrouble, nodeTools, skipFor } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { openWeirNode, type WeirNode, ways } from "../support/weir-node.ts";

/** `weir apply` and `weir proxy` on one node: what is said where no proxy listens, and that nobody notices a change. */

const [nodeAddress, vip, endpoint] = ["192.0.2.11", "10.96.0.10", "10.244.1.5"];
const way = ways["userspace-nft"];

let test: TestPool | null = null;
let trouble: string | null = null;

beforeAll(async () => {
  trouble = await labTrouble(nodeTools);
  if (trouble === null) test = await openTestPool();
});

afterAll(() => test?.close());

/** A service whose proxy ports depend on the round, with another one that comes and goes. */
function specOf(round: number): string {
  const first = 17_000 + 1000 * (round % 2);
  const other = `service shop/other {\n  vip 10.96.0.11\n  port http tcp 80 -> 8080\n  endpoint ${endpoint}\n}\n`;
  return `cluster {\n  proxy-ports ${first}-${first + 9}\n}
node worker-1 {\n  address ${nodeAddress}\n}
service shop/web {\n  vip ${vip}\n  port http tcp 80 -> 8080\n  endpoint ${endpoint}\n}
${round % 3 === 0 ? other : ""}`;
}

/** A node with an endpoint behind a second address of its own; all traffic stays on it. */
async function openNode(pool: TestPool): Promise<WeirNode> {
  const node = await openWeirNode(pool);
  const lines = [
    "link set lo up",
    ...[nodeAddress, endpoint].map((address) => `addr add ${address}/32 dev lo`),
    `route add 10.96.0.0/16 dev lo src ${nodeAddress}`,
  ];
  await node.agent.run(["ip", "-batch", "-"], `${lines.join("\n")}\n`);
  await node.agent.serve([{ protocol: "tcp", address: endpoint, port: 8080 }]);
  return node;
}

const client = { protocol: "tcp", source: nodeAddress, address: vip, port: 80, timeoutMs: 10_000 } as const;

describe("the proxy behind weir apply", () => {
  it("is missed where it does not run, and then follows every change without a failure", {
    timeout: 120_000,
  }, async (context) => {
    if (test === null) return skipFor(context, trouble ?? "there is no lab");
    const node = await openNode(test);
    const file = join(temporaryFolder(), "shop.weir");
    const apply = async (round: number) => {
      writeFileSync(file, specOf(round));
      const ended = await node.weir("apply", file, "--node", "worker-1", ...way.args);
      expect(ended.code, ended.stderr).toBe(0);
      return ended.stderr;
    };
    try {
      const silence = "no proxy listens on 1 of 1 ports: connections to shop/web:http are refused";
      expect(await apply(1)).toContain(silence);
      expect((await node.weir("status")).stdout).toContain(silence);
      expect((await node.agent.attempt(client).seen).kind).toBe("refused");

      const proxy = node.proxy();
      await expect.poll(async () => (await node.agent.attempt(client).seen).kind, { timeout: 20_000 }).toBe("answered");
      expect((await node.weir("status")).stdout).not.toContain("no proxy");
      await node.agent.startLoops([
        { ...client, exchanges: 1, pauseMs: 1 },
        { ...client, exchanges: null, pauseMs: 5 },
      ]);
      for (let round = 2; round < 8; round++) expect(await apply(round)).not.toContain("no proxy");
      const moved = await node.weir("apply", file, "--node", "worker-1", ...ways.nftables.args);
      expect(moved.code, moved.stderr).toBe(0);
      await expect.poll(() => proxy.log()).toContain('"from":"nothing that is applied"');
      const [short, long] = await node.agent.stopLoops();
      const failed = ({ exchanges }: { readonly exchanges: readonly Exchange[] }) =>
        exchanges.filter(({ seen }) => seen.kind !== "answered");
      expect(short?.exchanges.length).toBeGreaterThan(50);
      expect([short, long].map((report) => (report === undefined ? null : failed(report)))).toEqual([[], []]);
      expect(new Set(long?.exchanges.map(({ connection }) => connection))).toEqual(new Set([0]));
    } finally {
      await node.close();
    }
  });
});
