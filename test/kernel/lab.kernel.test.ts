import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Lab } from "../../runtime/lab/lab.ts";
import { planLab } from "../../runtime/lab/plan.ts";
import { describeReport, tryRows, usualTrial } from "../../runtime/lab/trial.ts";
import { labTrouble, skipFor, troubleWith } from "../support/kernel.ts";
import { openTestPool, type TestPool } from "../support/lab.ts";
import { reaches, row, servers } from "../support/lab-rows.ts";
import { address, prefix } from "../support/net.ts";

/** Rules by hand: the lab must see what they do, right and wrong. 10.244.2.7 lacks its hairpin rule on purpose. */
const rules = `
table ip t {
  chain pre { type nat hook prerouting priority -100; jump services; }
  chain out { type nat hook output priority -100; jump services; }
  chain services {
    ip daddr 10.96.0.10 meta l4proto { tcp, udp } th dport 80 jump shop
    ip daddr 10.96.0.10 reject
    ip daddr 10.96.0.0/16 drop
  }
  chain shop {
    ip saddr != 10.244.0.0/16 meta mark set 0x4000
    meta l4proto { tcp, udp } dnat ip to numgen random mod 2 map { 0 : 10.244.1.5 . 8080, 1 : 10.244.2.7 . 8080 }
  }
  chain post {
    type nat hook postrouting priority 100;
    ct status dnat ip saddr 10.244.1.5 ip daddr 10.244.1.5 masquerade
    meta mark 0x4000 masquerade fully-random
  }
}
table ip6 t {
  chain pre {
    type nat hook prerouting priority -100;
    ip6 daddr fd00:96::10 meta l4proto { tcp, udp } dnat to [fd00:244::5]:8080
    ip6 daddr fd00:96::11 reject
  }
  chain post { type nat hook postrouting priority 100; ip6 saddr fd00:244::5 ip6 daddr fd00:244::5 masquerade; }
}
`;

const both = ["10.244.1.5 8080", "10.244.2.7 8080"];
const six = ["fd00:244::5 8080"];
const protocols = ["tcp", "udp"];

const rightRows = protocols.flatMap((protocol) => [
  row(`${protocol} 203.0.113.9 -> 10.96.0.10:80`, reaches(both, "yes")),
  row(`${protocol} 10.244.1.77 -> 10.96.0.10:80`, reaches(both, "no"), "cni0"),
  row(`${protocol} 10.244.1.5 -> 10.96.0.10:80`, reaches(both, { to: "10.244.1.5" }), "cni0"),
  row(`${protocol} 192.0.2.11 -> 10.96.0.10:80`, reaches(both, "yes")),
  row(`${protocol} 192.0.2.11 -> 10.96.0.10:81`, { verdict: "reject" }),
  row(`${protocol} 192.0.2.11 -> 10.96.0.11:81`, { verdict: "drop" }),
  row(`${protocol} 203.0.113.9 -> 10.96.0.10:81`, { verdict: "reject" }),
  row(`${protocol} 203.0.113.9 -> 10.96.0.11:81`, { verdict: "drop" }),
  row(`${protocol} 203.0.113.9 -> 198.51.100.1:81`, { verdict: "pass" }),
  row(`${protocol} 203.0.113.9 -> 192.0.2.11:81`, { verdict: "pass" }),
  row(`${protocol} 192.0.2.11 -> 192.0.2.11:81`, { verdict: "pass" }),
  row(`${protocol} 192.0.2.11 -> 198.51.100.1:81`, { verdict: "pass" }),
  row(`${protocol} 2001:db8::9 -> [fd00:96::10]:80`, reaches(six, "no")),
  row(`${protocol} fd00:244::5 -> [fd00:96::10]:80`, reaches(six, "yes")),
  row(`${protocol} fd00:244::5 -> [fd00:96::11]:80`, { verdict: "reject" }),
  row(`${protocol} fd00:244::5 -> [fd00:97::11]:80`, { verdict: "pass" }),
]);

/** Each is false of the rules above. */
const wrongRows = protocols.flatMap((protocol) => [
  row(`${protocol} 10.244.1.77 -> 10.96.0.10:80`, reaches(both, "yes"), "cni0"),
  row(`${protocol} 203.0.113.9 -> 10.96.0.10:80`, reaches(both, "no")),
  row(`${protocol} 192.0.2.11 -> 10.96.0.10:80`, { verdict: "drop" }),
  row(`${protocol} 203.0.113.9 -> 10.96.0.10:80`, { verdict: "reject" }),
  row(`${protocol} 203.0.113.9 -> 10.96.0.10:80`, { verdict: "pass" }),
  row(`${protocol} 203.0.113.9 -> 10.96.0.10:80`, reaches([...both, "10.244.2.8 8080"], "yes")),
  row(`${protocol} 203.0.113.9 -> 10.96.0.10:80`, reaches(["10.244.2.8 8080"], "yes")),
  row(`${protocol} 203.0.113.9 -> 10.96.0.10:81`, { verdict: "drop" }),
  row(`${protocol} 203.0.113.9 -> 10.96.0.11:81`, { verdict: "reject" }),
  row(`${protocol} 203.0.113.9 -> 198.51.100.1:81`, { verdict: "drop" }),
  row(`${protocol} 10.244.2.7 -> 10.96.0.10:80`, reaches(both, { to: "10.244.2.7" })),
]);

const plan = planLab({
  nodeAddresses: [address("192.0.2.11")],
  endpoints: [...servers(["10.244.1.5 8080", ...six], true), ...servers(["10.244.2.7 8080", "10.244.2.8 8080"], false)],
  podRanges: [prefix("10.244.1.0/24")],
  podInterface: null,
  packets: [...rightRows, ...wrongRows].map((each) => each.packet),
});

const trouble = await labTrouble();

describe("a lab with rules made by hand", () => {
  let test: TestPool | null = null;
  let lab: Lab | null = null;
  let missing: string | null = trouble;

  beforeAll(async () => {
    if (missing !== null) return;
    test = await openTestPool();
    missing = await troubleWith(test.pool, "nftables");
    if (missing !== null) return;
    lab = await Lab.open(plan, test.pool);
    await lab.node.run(["nft", "-f", "-"], rules);
  });

  afterAll(async () => {
    await lab?.close();
    await test?.close();
  });

  it("finds nothing wrong where rows tell what the rules do", async (context) => {
    if (lab === null) return skipFor(context, missing ?? "no lab");
    const reports = await tryRows(lab, rightRows, usualTrial);
    expect(reports.filter((each) => each.complaints.length > 0).map(describeReport)).toEqual([]);
    expect(reports).toHaveLength(rightRows.length);
  });

  it("complains about every row that tells something else", async (context) => {
    if (lab === null) return skipFor(context, missing ?? "no lab");
    const reports = await tryRows(lab, wrongRows, { ...usualTrial, answerMs: 1500 });
    expect(reports.filter((each) => each.complaints.length === 0).map((each) => each.row.label)).toEqual([]);
    expect(reports).toHaveLength(wrongRows.length);
  });

  it("tells a reset by a closed port from a refusal by ICMP", async (context) => {
    if (lab === null) return skipFor(context, missing ?? "no lab");
    const closed = row("tcp 203.0.113.9 -> 192.0.2.11:82", { verdict: "reject" });
    const [report] = await tryRows(lab, [closed], usualTrial);
    expect(report?.complaints).toEqual(["refused, but not by an ICMP message"]);
  });

  it("can be built again at once from the same hosts", async (context) => {
    if (lab === null || test === null) return skipFor(context, missing ?? "no lab");
    for (const _ of [1, 2, 3]) {
      const again = await Lab.open(plan, test.pool);
      const free = rightRows.filter((each) => each.expect.verdict === "pass");
      const reports = await tryRows(again, free, usualTrial);
      await again.close();
      expect(reports.flatMap((each) => each.complaints)).toEqual([]);
    }
  });

  it("leaves nothing behind when the process that made it is killed", async (context) => {
    if (test === null) return skipFor(context, missing ?? "no lab");
    const program = `
      const { spawn } = require("node:child_process");
      const agent = spawn("unshare", ["--net", "--", process.execPath, process.argv[1], "orphan"], { stdio: "pipe" });
      agent.stdout.once("data", () => process.stdout.write(String(agent.pid), () => process.kill(process.pid, "SIGKILL")));
    `;
    const parent = spawn(process.execPath, ["-e", program, test.script], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = Number(String((await once(parent.stdout, "data"))[0]));
    expect(pid).toBeGreaterThan(1);
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), { timeout: 10_000, interval: 20 });
  });
});
