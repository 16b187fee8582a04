import type { LabRow } from "../../runtime/lab/expectation.ts";
import type { Lab } from "../../runtime/lab/lab.ts";
import type { LoaderName } from "../../runtime/lab/loaders.ts";

const traceRules = (match: string) => `
table inet weir-trace {
  chain prerouting { type filter hook prerouting priority -400; ${match} meta nftrace set 1; }
  chain output { type filter hook output priority -400; ${match} meta nftrace set 1; }
}
`;

function nftMatch({ packet }: LabRow): string {
  const family = packet.source.family === "ipv4" ? "ip" : "ip6";
  const { protocol, source, destination, port } = packet;
  return `${family} saddr ${source.text} ${family} daddr ${destination.text} ${protocol} dport ${port}`;
}

const traceSeconds = 2;

/**
 * Tries the row again while the kernel tells which rules its packets meet: what a person would do first. The monitor does
 * not say when it listens, so there are attempts for as long as it runs; its last lines would be lost in a buffer.
 */
async function traceByNft(lab: Lab, row: LabRow): Promise<string> {
  await lab.node.run(["nft", "-f", "-"], traceRules(nftMatch(row)));
  const command = ["timeout", `${traceSeconds}`, "stdbuf", "--output=L", "nft", "monitor", "trace"];
  let listening = true;
  const monitor = lab.node.tryRun(command).finally(() => {
    listening = false;
  });
  while (listening) await lab.attempt(row.packet, 250).seen;
  const { stdout } = await monitor;
  await lab.node.run(["nft", "delete", "table", "inet", "weir-trace"]);
  const packets = new Map<string, string[]>();
  for (const line of stdout.split("\n")) {
    const number = /^trace id (\w+) /.exec(line)?.[1];
    if (number !== undefined) packets.set(number, [...(packets.get(number) ?? []), line]);
  }
  // the first packet of a connection meets more rules than those that follow it
  const [longest] = [...packets.values()].sort((a, b) => b.length - a.length);
  return (longest ?? ["no packet was traced"]).join("\n");
}

/** The rules that any packet has met since they were loaded, with their counters. */
async function countersByIptables(lab: Lab, row: LabRow): Promise<string> {
  const command = row.packet.source.family === "ipv4" ? "iptables-legacy-save" : "ip6tables-legacy-save";
  const listing = await lab.node.run([command, "--counters"]);
  return listing
    .split("\n")
    .filter((line) => line.startsWith("[") && !line.startsWith("[0:0]"))
    .join("\n");
}

/** What the rules do to the row's packets, for a failed test's message. Never fails itself. */
export async function explain(lab: Lab, loader: LoaderName, row: LabRow): Promise<string> {
  try {
    const text = loader === "iptables-legacy" ? await countersByIptables(lab, row) : await traceByNft(lab, row);
    return `rules met by ${row.label}:\n${text.slice(0, 6000)}`;
  } catch (error) {
    return `no trace of ${row.label}: ${String(error)}`;
  }
}
