import { chainPrefix } from "../../compiler/backends/iptables/program.ts";
import type { Family } from "../../compiler/net/address.ts";
import type { Protocol } from "../../compiler/net/port.ts";
import type { ClassUse, ForeignUse, MarkHook, MarkUse, TranslatedPort } from "./foreign.ts";

const allBits = 0xffffffff;

/**
 * What foreign rules in the output of iptables-save do with marks, classes and destinations. Rules that are not in
 * weir's chains count, and jumps into these do nothing of the kind.
 */
export function foreignInIptables(listing: string, family: Family): ForeignUse {
  const marks: MarkUse[] = [];
  const classes: ClassUse[] = [];
  const translated: TranslatedPort[] = [];
  const closedForward: string[] = [];
  const chains: string[] = [];
  let table = "";
  for (const line of listing.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    else if (line.startsWith(":")) {
      const [chain = "", policy] = line.slice(1).split(" ");
      if (!chain.startsWith(chainPrefix)) chains.push(chain);
      if (chain === "FORWARD" && policy === "DROP") closedForward.push(`chain FORWARD of table ${table} (${family})`);
    } else if (line.startsWith("-A ") && !line.startsWith(`-A ${chainPrefix}`)) {
      const words = wordsOf(line);
      const chain = words[1] ?? "";
      const place = `chain ${chain} of table ${table} (${family})`;
      const where = { place, hook: hookOf(table, chain), isKubernetes: chain.startsWith("KUBE-"), text: line };
      marks.push(...markUses(words).map((use) => ({ ...use, ...where })));
      classes.push(...classUses(words).map((value) => ({ value, place, text: line })));
      translated.push(...translations(words).map((port) => ({ ...port, place, text: line })));
    }
  }
  return { marks, classes, translated, closedForward, chains, tables: [], routing: [], unseen: [] };
}

/** Packets pass raw and mangle before nat, where weir marks them, on both ways in. */
function hookOf(table: string, chain: string): MarkHook {
  const isOnTheWayIn = chain === "PREROUTING" || chain === "OUTPUT";
  return isOnTheWayIn && (table === "raw" || table === "mangle") ? "before" : "other";
}

type Bits = Pick<MarkUse, "field" | "action" | "ones" | "zeros">;

/**
 * MARK, CONNMARK, TPROXY and the matches mark and connmark, as iptables-save spells them.
 * `--set-xmark V/M` is (mark & ~M) ^ V; copies between packet and connection may clear all bits of their mask.
 */
function markUses(words: readonly string[]): readonly Bits[] {
  const uses: Bits[] = [];
  let match: Bits["field"] = "packet";
  let target: Bits["field"] = "packet";
  for (const [at, word] of words.entries()) {
    const value = words[at + 1] ?? "";
    if (word === "-m") match = value === "connmark" ? "connection" : "packet";
    else if (word === "-j") target = value === "CONNMARK" ? "connection" : "packet";
    else if (word === "--mark") uses.push({ field: match, action: "match", ...masked(value) });
    else if (word === "--set-xmark") uses.push({ field: target, action: "set", ...masked(value) });
    else if (word === "--tproxy-mark") uses.push({ field: "packet", action: "set", ...masked(value) });
    else if (word === "--restore-mark") {
      uses.push({ field: "packet", action: "set", ones: 0, zeros: numberAfter(words, "--nfmask") });
    } else if (word === "--save-mark") {
      uses.push({ field: "connection", action: "set", ones: 0, zeros: numberAfter(words, "--ctmask") });
    }
  }
  return uses;
}

/** `VALUE/MASK`, or `VALUE` in all bits. */
function masked(text: string): Pick<MarkUse, "ones" | "zeros"> {
  const [value = "0", mask] = text.split("/");
  const ones = Number(value);
  const bits = mask === undefined ? allBits : Number(mask);
  return { ones: ones >>> 0, zeros: (bits & ~ones) >>> 0 };
}

function numberAfter(words: readonly string[], option: string): number {
  const at = words.indexOf(option);
  return at === -1 ? allBits : Number(words[at + 1] ?? allBits);
}

/** `--set-class MAJOR:MINOR`, both hexadecimal. */
function classUses(words: readonly string[]): readonly number[] {
  const at = words.indexOf("--set-class");
  const [major, minor] = (words[at + 1] ?? "").split(":").map((part) => Number.parseInt(part, 16));
  return at === -1 || major === undefined || minor === undefined ? [] : [major * 0x10000 + minor];
}

/** Ports whose packets the rule sends elsewhere. */
function translations(words: readonly string[]): readonly Pick<TranslatedPort, "protocol" | "port">[] {
  const target = words[words.indexOf("-j") + 1];
  if (target !== "DNAT" && target !== "REDIRECT") return [];
  const port = Number(words[words.indexOf("--dport") + 1]);
  const protocol = protocolOf(words[words.indexOf("-p") + 1]);
  return words.includes("--dport") && Number.isInteger(port) && protocol !== null ? [{ protocol, port }] : [];
}

function protocolOf(text: string | undefined): Protocol | null {
  return text === "tcp" || text === "udp" || text === "sctp" ? text : null;
}

/** The words of a line of iptables-save: quotes hold words with spaces, and a backslash takes the next character as it is. */
function wordsOf(line: string): readonly string[] {
  const words = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word));
}
