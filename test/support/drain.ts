import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { irOf } from "../../compiler/index.ts";
import { Lab } from "../../runtime/lab/lab.ts";
import { planLab } from "../../runtime/lab/plan.ts";
import type { LoopReport } from "../../runtime/lab/protocol.ts";
import { worldOf } from "../../runtime/lab/world.ts";
import type { TestPool } from "./lab.ts";
import { packet } from "./lab-rows.ts";
import { readText } from "./random-specs.ts";
import { complaintAboutEnd, openWeirNode, ways } from "./weir-node.ts";

const staying = "10.244.1.5";
const leaving = "10.244.2.7";
const client = packet("tcp 203.0.113.9 -> 10.96.0.10:80");
const longLived = 6;

function specText(endpoints: readonly string[]): string {
  return `cluster { pods 10.244.0.0/16 }
node worker-1 {
  address 192.0.2.11
  pods 10.244.1.0/24
}
service shop/web {
  vip 10.96.0.10
  port http tcp 80 -> 8080
${endpoints.map((each) => `  endpoint ${each}\n`).join("")}}
`;
}

const both = specText([`${staying} on worker-1`, leaving]);
const one = specText([`${staying} on worker-1`]);

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function endpointOf(report: LoopReport): string | null {
  const [first] = report.exchanges;
  return first?.seen.kind === "answered" ? first.seen.by.localAddress : null;
}

function failuresOf(report: LoopReport): readonly string[] {
  return report.exchanges.flatMap(({ seen, number }) =>
    seen.kind === "answered"
      ? []
      : [`connection to ${endpointOf(report)}, exchange ${number}: ${seen.kind === "error" ? seen.code : seen.kind}`],
  );
}

/**
 * Under IPVS an endpoint that leaves the spec keeps its connections, at weight 0, until they end or the deadline comes;
 * the keeper sees to it. Returns what was otherwise.
 */
export async function tryDrain(test: TestPool, limitMs: number): Promise<readonly string[]> {
  const { ir } = irOf(await readText(both), "worker-1");
  const folder = await mkdtemp(join(tmpdir(), "weir-drain-"));
  const file = join(folder, "drain.weir");
  const node = await openWeirNode(test);
  const lab = await Lab.open(planLab(worldOf(ir, [], [client])), test.pool, node.agent);
  const wrong: string[] = [];
  const note = (complaint: string | null) => {
    if (complaint !== null) wrong.push(complaint);
  };

  const apply = async (text: string, timeout: string) => {
    await writeFile(file, text);
    const args = [file, "--node", "worker-1", ...ways.ipvs.args, "--drain-timeout", timeout];
    note(complaintAboutEnd("weir apply", await node.weir("apply", ...args)));
  };
  const weightOfLeaving = async (): Promise<number | null> => {
    const listing = await lab.node.run(["ipvsadm", "-Sn"]);
    const line = listing.split("\n").find((each) => each.includes(`-r ${leaving}:8080`));
    return line === undefined ? null : Number(/ -w (\d+)/.exec(line)?.[1]);
  };
  const untilGone = async (): Promise<boolean> => {
    for (const end = performance.now() + limitMs; performance.now() < end; await delay(300)) {
      if ((await weightOfLeaving()) === null) return true;
    }
    return false;
  };
  const agent = lab.agentOf(client.source);
  const connect = () =>
    agent.startLoops(
      Array.from({ length: longLived }, () => ({
        protocol: "tcp",
        source: client.source.text,
        address: client.destination.text,
        port: client.port,
        timeoutMs: limitMs,
        exchanges: null,
        pauseMs: 100,
      })),
    );

  try {
    await apply(both, "15m");
    await connect();
    await delay(1000);
    await apply(one, "15m");
    const weight = await weightOfLeaving();
    if (weight !== 0) wrong.push(`${leaving} has the weight ${weight} while its connections go on, expected 0`);
    for (let count = 0; count < 8; count++) {
      const seen = await lab.attempt(client, limitMs).seen;
      const by = seen.kind === "answered" ? seen.by.localAddress : seen.kind;
      if (by !== staying) wrong.push(`a new connection was answered by ${by}`);
    }
    const lived = await agent.stopLoops();
    if (!lived.some((report) => endpointOf(report) === leaving)) wrong.push(`no connection went to ${leaving}`);
    wrong.push(...lived.flatMap(failuresOf));
    if (!(await untilGone())) wrong.push(`${leaving} is still there ${limitMs} ms after its connections ended`);

    await apply(both, "15m");
    await connect();
    await delay(1000);
    await apply(one, "3s");
    if (!(await untilGone())) wrong.push(`${leaving} is still there ${limitMs} ms after its deadline of 3 s`);
    const cut = await agent.stopLoops();
    wrong.push(...cut.filter((report) => endpointOf(report) === staying).flatMap(failuresOf));
    note(complaintAboutEnd("weir cleanup", await node.weir("cleanup")));
    return wrong;
  } finally {
    await lab.close();
    await node.close();
    await rm(folder, { recursive: true, force: true });
  }
}
