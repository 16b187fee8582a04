import { parseIptables, parseRuleset } from "../../compiler/backends/iptables/parse.ts";
import { parseNftables } from "../../compiler/backends/nftables/parse.ts";
import { families } from "../../compiler/net/address.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import type { LoaderName } from "../../runtime/lab/loaders.ts";

/** What was loaded and what the kernel's own listing says, both as programs, to be compared. */
export interface Listed {
  readonly loaded: unknown;
  readonly listed: unknown;
}

/** The iptables rules of a folder of an artifact, and what the tools of a flavour list of them. */
export async function listIptables(
  node: Agent,
  flavour: "nft" | "legacy",
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<Listed> {
  const program = parseIptables(folder, new Map([...files].filter(([path]) => path.startsWith(`${folder}/`))));
  const listed: Record<string, unknown> = {};
  for (const family of families) {
    const command = `${family === "ipv4" ? "iptables" : "ip6tables"}-${flavour}-save`;
    listed[family] = program[family] === null ? null : parseRuleset(family, await node.run([command]));
  }
  return { loaded: program, listed };
}

async function listNftables(node: Agent, files: ReadonlyMap<string, string>): Promise<Listed> {
  const text = files.get("nftables/ruleset.nft");
  if (text === undefined) throw new Error("there is no nftables/ruleset.nft");
  return { loaded: parseNftables(text), listed: parseNftables(await node.run(["nft", "list", "ruleset"])) };
}

/** For the artifact that a loader has loaded. */
export function listLoaded(node: Agent, loader: LoaderName, files: ReadonlyMap<string, string>): Promise<Listed> {
  if (loader === "nftables") return listNftables(node, files);
  return listIptables(node, loader === "iptables-nft" ? "nft" : "legacy", "iptables", files);
}

/** Lines of a program that are not in the other one; numbers beyond the safe integers as text. */
function linesOf(program: unknown): readonly string[] {
  const text = JSON.stringify(program, (_, value) => (typeof value === "bigint" ? `${value}` : value), 1);
  return (text ?? "").split("\n").map((line) => line.trim());
}

/** What tells two programs apart, in short, for a failed test's message. */
export function describeDifference({ loaded, listed }: Listed): string {
  const [before, after] = [linesOf(loaded), linesOf(listed)];
  const [had, has] = [new Set(before), new Set(after)];
  const lost = before.filter((line) => !has.has(line)).slice(0, 10);
  const found = after.filter((line) => !had.has(line)).slice(0, 10);
  const order = lost.length + found.length === 0 ? ["the same parts in another order or number"] : [];
  return [...order, ...lost.map((line) => `- ${line}`), ...found.map((line) => `+ ${line}`)].join("\n");
}
