import { tableName } from "../../compiler/backends/nftables/names.ts";
import type { IptablesFlavour } from "../../compiler/backends/step.ts";
import { type Family, families } from "../../compiler/net/address.ts";
import { HostError } from "../host/error.ts";
import type { CommandResult, Host } from "../host/host.ts";
import { type ForeignUse, joinUses, nothingForeign } from "./foreign.ts";
import { foreignInIptables } from "./foreign-iptables.ts";
import { foreignInNft } from "./foreign-nft.ts";
import { marksOfRules, routingRules } from "./foreign-routing.ts";

/**
 * Reads the rules of others in this network namespace: iptables of both flavours, nftables, policy routing.
 * What cannot be read is in `unseen`, it never throws HostError. Its cost is that of listing everything once.
 */
export async function readForeignUse(host: Host): Promise<ForeignUse> {
  const parts = [
    ...families.flatMap((family) => [readIptables(host, "nft", family), readIptables(host, "legacy", family)]),
    ...families.map((family) => readRouting(host, family)),
  ];
  const read = await Promise.all(parts);
  const compatible = new Set(read.flatMap(({ tables }) => tables));
  const nft = await readNft(host, compatible);
  const joined = joinUses([...read.map(({ use }) => use), nft]);
  return { ...joined, unseen: [...new Set(joined.unseen)] };
}

interface Read {
  readonly use: ForeignUse;
  /** Tables that a listing of iptables-nft has shown, as nft calls them: `ip nat`. They need not be listed again. */
  readonly tables: readonly string[];
}

async function readIptables(host: Host, flavour: IptablesFlavour, family: Family): Promise<Read> {
  const tool = `${family === "ipv4" ? "iptables" : "ip6tables"}-${flavour}-save`;
  if ((await host.find(tool)) === null) return nothing;
  // listing makes the kernel set up what has never been used
  if (flavour === "legacy") {
    const used = await readOrNull(host, family === "ipv4" ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names");
    if (used !== null && used.text.trim() === "") return nothing;
    if (used === null) return unseen(`rules of ${tool}: the kernel does not tell which tables are used`);
  }
  const what = `rules of iptables, flavour ${flavour}, ${family}`;
  const listing = await runOrReason(host, [tool]);
  if ("reason" in listing) return unseen(`${what}: ${listing.reason}`);
  const { stdout } = listing;
  const incompatible = new Set([...stdout.matchAll(/^# Table `(\w+)' is incompatible/gm)].map(([, name]) => name));
  const shown = [...stdout.matchAll(/^\*(\w+)$/gm)].map(([, name = ""]) => name);
  const tables = flavour === "nft" ? shown.filter((name) => !incompatible.has(name)) : [];
  return {
    use: foreignInIptables(stdout, family),
    tables: tables.map((name) => `${family === "ipv4" ? "ip" : "ip6"} ${name}`),
  };
}

async function readNft(host: Host, compatible: ReadonlySet<string>): Promise<ForeignUse> {
  if ((await host.find("nft")) === null) return nothingForeign;
  const listing = await runOrReason(host, ["nft", "list", "tables"]);
  if ("reason" in listing) return unseen(`rules of nftables: ${listing.reason}`).use;
  const all = [...listing.stdout.matchAll(/^table (\S+) (\S+)$/gm)].map(([, family = "", name = ""]) => ({
    family,
    name,
  }));
  const foreign = all.filter(({ family, name }) => name !== tableName || (family !== "ip" && family !== "ip6"));
  const uses: ForeignUse[] = [{ ...nothingForeign, tables: foreign.map(({ name }) => name) }];
  for (const { family, name } of foreign) {
    if (compatible.has(`${family} ${name}`)) continue;
    const rules = await runOrReason(host, ["nft", "-j", "list", "table", family, name]);
    uses.push(
      "reason" in rules
        ? unseen(`rules of table ${family} ${name}: ${rules.reason}`).use
        : readJson(rules.stdout, foreignInNft, `rules of table ${family} ${name}`),
    );
  }
  return joinUses(uses);
}

async function readRouting(host: Host, family: Family): Promise<Read> {
  if ((await host.find("ip")) === null) return unseen("routing rules: there is no program ip");
  const what = `routing rules (${family})`;
  const listing = await runOrReason(host, ["ip", "-json", family === "ipv4" ? "-4" : "-6", "rule", "show"]);
  // a kernel without policy routing or without IPv6
  if ("reason" in listing) return family === "ipv6" ? nothing : unseen(`${what}: ${listing.reason}`);
  const read = (json: string): ForeignUse => {
    const routing = routingRules(json, family);
    return { ...nothingForeign, routing, marks: marksOfRules(routing) };
  };
  return { use: readJson(listing.stdout, read, what), tables: [] };
}

/** A listing in a form that is not understood is one that was not seen. */
function readJson(json: string, read: (json: string) => ForeignUse, what: string): ForeignUse {
  try {
    return read(json);
  } catch (error) {
    return unseen(`${what}: not understood${error instanceof SyntaxError ? " (the tool gives no JSON)" : ""}`).use;
  }
}

const nothing: Read = { use: nothingForeign, tables: [] };

function unseen(sentence: string): Read {
  return { use: { ...nothingForeign, unseen: [sentence] }, tables: [] };
}

async function readOrNull(host: Host, path: string): Promise<{ readonly text: string } | null> {
  try {
    return { text: (await host.read(path)) ?? "" };
  } catch (error) {
    if (error instanceof HostError) return null;
    throw error;
  }
}

async function runOrReason(host: Host, argv: readonly string[]): Promise<CommandResult | { readonly reason: string }> {
  try {
    const result = await host.run({ argv });
    return result.status === 0 ? result : { reason: reasonOf(result) };
  } catch (error) {
    if (error instanceof HostError) return { reason: error.message };
    throw error;
  }
}

function reasonOf({ status, stderr }: CommandResult): string {
  if (/permission denied|operation not permitted|must be root/i.test(stderr)) return "this needs root";
  const line = stderr.split("\n").find((each) => each.trim() !== "");
  return line?.trim() ?? `it ended with ${status ?? "a signal"}`;
}
