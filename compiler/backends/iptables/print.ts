import { nameLimits } from "../../ir/names.ts";
import type { Family } from "../../net/address.ts";
import { formatSocket } from "../../net/socket.ts";
import { assert, unreachable } from "../../result.ts";
import type { ArtifactFile } from "../backend.ts";
import { TextWriter } from "../text.ts";
import type {
  IptablesJump,
  IptablesMatch,
  IptablesProgram,
  IptablesRule,
  IptablesRuleset,
  IptablesTarget,
} from "./program.ts";

/** The files of an iptables program below a backend's folder: ipv4.rules, ipv6.rules, jumps.json. */
export function printIptables(folder: string, program: IptablesProgram): readonly ArtifactFile[] {
  const files: ArtifactFile[] = [];
  for (const ruleset of [program.ipv4, program.ipv6]) {
    if (ruleset !== null) files.push(printRuleset(`${folder}/${ruleset.family}.rules`, ruleset));
  }
  files.push(printJumps(`${folder}/jumps.json`, program));
  return files;
}

/**
 * Input for `iptables-restore --noflush`: declares weir's chains, fills them, and adds the jumps in front.
 * Chains are declared before any rule, so that rules may name them in any order.
 * Throws InternalError on what the tool would refuse or misread: a chain declared twice (the legacy flavour
 * refuses it), a name beyond the kernel's limit, text with control characters.
 */
export function printRuleset(path: string, ruleset: IptablesRuleset): ArtifactFile {
  const writer = new TextWriter();
  const texts: MatchTexts = new Map();
  for (const table of ruleset.tables) {
    writer.line(`*${table.name}`);
    let previous = "";
    for (const chain of table.chains) {
      assertChainName(chain.name);
      assert(previous < chain.name, `chain ${chain.name} of table ${table.name} is out of order or declared twice`);
      previous = chain.name;
      writer.line(`:${chain.name} - [0:0]`);
    }
    for (const jump of jumpsOf(ruleset, table.name)) writer.line(printJump(jump));
    for (const chain of table.chains) {
      const start = `-A ${chain.name}`;
      for (const rule of chain.rules) writer.line(start + printSharedRule(rule, texts));
    }
    writer.line("COMMIT");
  }
  return writer.file(path);
}

/** Insertions come in reverse, because each goes before the last. */
function jumpsOf(ruleset: IptablesRuleset, table: string): readonly IptablesJump[] {
  const jumps = ruleset.jumps.filter((jump) => jump.table === table);
  return [
    ...jumps.filter((jump) => jump.position === "first").reverse(),
    ...jumps.filter((jump) => jump.position === "last"),
  ];
}

function printJump(jump: IptablesJump): string {
  assertChainName(jump.target);
  return `${jump.position === "first" ? "-I" : "-A"} ${jump.chain} -j ${jump.target}`;
}

/** The jumps that `apply` ensures, one a line; the rule files hold them too, for a first load by hand. */
function printJumps(path: string, program: IptablesProgram): ArtifactFile {
  const jumps = [program.ipv4, program.ipv6].flatMap((ruleset) =>
    ruleset === null ? [] : ruleset.jumps.map((jump) => printJumpObject(ruleset.family, jump)),
  );
  const writer = new TextWriter();
  if (jumps.length === 0) writer.line("[]");
  else {
    writer.line("[");
    for (const [at, jump] of jumps.entries()) writer.line(`  ${jump}${at + 1 < jumps.length ? "," : ""}`);
    writer.line("]");
  }
  return writer.file(path);
}

function printJumpObject(family: Family, { table, chain, target, position }: IptablesJump): string {
  return `{ "family": "${family}", "table": "${table}", "chain": "${chain}", "target": "${target}", "position": "${position}" }`;
}

/** A rule without the command and chain before it, beginning with a blank. */
export function printRule(rule: IptablesRule): string {
  return printMatches(rule.matches) + printTarget(rule.target);
}

/** Texts of lists of matches: most rules share theirs with many others. */
export type MatchTexts = Map<readonly IptablesMatch[], string>;

/** As `printRule`, for many rules. */
export function printSharedRule(rule: IptablesRule, texts: MatchTexts): string {
  return printOnce(rule.matches, texts) + printTarget(rule.target);
}

function printMatches(matches: readonly IptablesMatch[]): string {
  let text = "";
  for (const match of matches) text += printMatch(match);
  return text;
}

function printOnce(matches: readonly IptablesMatch[], texts: MatchTexts): string {
  const known = texts.get(matches);
  if (known !== undefined) return known;
  const text = printMatches(matches);
  texts.set(matches, text);
  return text;
}

function printMatch(match: IptablesMatch): string {
  switch (match.kind) {
    case "source":
      return `${not(match.negated)} -s ${match.prefix.text}`;
    case "destination":
      return `${not(match.negated)} -d ${match.prefix.text}`;
    case "input-interface":
      return `${not(match.negated)} -i ${printWord(match.name)}`;
    case "output-interface":
      return `${not(match.negated)} -o ${printWord(match.name)}`;
    case "protocol":
      return `${not(match.negated)} -p ${match.protocol}`;
    case "source-port":
    case "destination-port": {
      const { first, last } = match.ports;
      const option = match.kind === "source-port" ? "--sport" : "--dport";
      return ` -m ${match.protocol}${not(match.negated)} ${option} ${first === last ? first : `${first}:${last}`}`;
    }
    case "comment":
      assert(match.text.length <= nameLimits.iptablesComment, `comment ${match.text} is too long`);
      return ` -m comment --comment ${quote(match.text)}`;
    case "mark":
      return ` -m mark${not(match.negated)} --mark ${printMark(match)}`;
    case "ct-mark":
      return ` -m connmark${not(match.negated)} --mark ${printMark(match)}`;
    case "address-type":
      return ` -m addrtype${not(match.negated)} ${match.side === "source" ? "--src-type" : "--dst-type"} ${match.type}`;
    case "ct-state":
      return ` -m conntrack${not(match.negated)} --ctstate ${match.states.join(",")}`;
    case "ct-status":
      return ` -m conntrack${not(match.negated)} --ctstatus ${match.statuses.join(",")}`;
    case "ct-direction":
      return ` -m conntrack --ctdir ${match.direction}`;
    case "ct-original-destination":
      return ` -m conntrack${not(match.negated)} --ctorigdst ${match.prefix.text}`;
    case "ct-original-port":
      return ` -m conntrack${not(match.negated)} --ctorigdstport ${match.port}`;
    case "statistic":
      return ` -m statistic --mode random --probability ${printProbability(match.threshold)}`;
    case "recent": {
      const seconds = match.seconds === null ? "" : ` --seconds ${match.seconds}`;
      const name = printWord(match.list);
      return ` -m recent --${match.action}${seconds}${match.reap ? " --reap" : ""} --name ${name} --mask ${match.mask.text} --rsource`;
    }
    case "set":
      return ` -m set${not(match.negated)} --match-set ${printWord(match.name)} ${match.directions.join(",")}`;
    case "ipvs": {
      const protocol = match.protocol === null ? "" : ` --vproto ${match.protocol}`;
      const address = match.address === null ? "" : ` --vaddr ${match.address.text}`;
      const port = match.port === null ? "" : ` --vport ${match.port}`;
      const direction = match.direction === null ? "" : ` --vdir ${match.direction}`;
      const method = match.method === null ? "" : ` --vmethod ${match.method}`;
      const properties = protocol + address + port + direction + method;
      return ` -m ipvs${properties === "" ? `${not(match.negated)} --ipvs` : properties}`;
    }
    default:
      return unreachable(match);
  }
}

function printTarget(target: IptablesTarget): string {
  switch (target.kind) {
    case "accept":
      return " -j ACCEPT";
    case "drop":
      return " -j DROP";
    case "return":
      return " -j RETURN";
    case "reject":
      return ` -j REJECT --reject-with ${target.with}`;
    case "dnat":
      return ` -j DNAT --to-destination ${formatSocket(target.address, target.port)}`;
    case "redirect":
      return ` -j REDIRECT --to-ports ${target.port}`;
    case "masquerade":
      return target.fullyRandom ? " -j MASQUERADE --random-fully" : " -j MASQUERADE";
    case "mark":
      return ` -j MARK --set-xmark ${printMark(target)}`;
    case "ct-mark":
      return ` -j CONNMARK --set-xmark ${printMark(target)}`;
    case "map-set":
      return ` -j SET --map-set ${printWord(target.name)} ${target.directions.join(",")} --map-mark`;
    case "jump":
    case "goto":
      // one with a blank would bring options of its own
      assertChainName(target.chain);
      return ` ${target.kind === "jump" ? "-j" : "-g"} ${target.chain}`;
    default:
      return unreachable(target);
  }
}

function not(negated: boolean): string {
  return negated ? " !" : "";
}

function printMark({ value, mask }: { readonly value: number; readonly mask: number }): string {
  return `0x${value.toString(16)}/0x${mask.toString(16)}`;
}

/**
 * The threshold as the decimal fraction that the tool prints (%.11f) and reads back to the same number.
 * `toFixed` rounds exact halves up and C to even; they meet at odd multiples of 2^19.
 * Source: extensions/libxt_statistic.c of iptables.
 */
function printProbability(threshold: number): string {
  assert(Number.isInteger(threshold) && threshold > 0 && threshold < 2 ** 31, `threshold ${threshold} is out of range`);
  const up = (threshold / 2 ** 31).toFixed(11);
  const isHalf = threshold % 2 ** 20 === 2 ** 19;
  const isOdd = (up.charCodeAt(up.length - 1) & 1) === 1;
  return isHalf && isOdd ? `${up.slice(0, -1)}${Number(up.slice(-1)) - 1}` : up;
}

/** One argument, bare where the tool prints it bare. */
function printWord(text: string): string {
  return /^[A-Za-z0-9_][A-Za-z0-9_.:+-]*$/.test(text) ? text : quote(text);
}

/**
 * A quoted argument, as the restore tools read it: a backslash protects the next character.
 * Control characters would end the line, and a leading dash reads as an option; neither has a safe form.
 */
function quote(text: string): string {
  assert(/^[^\p{Cc}-][^\p{Cc}]*$/u.test(text), `${JSON.stringify(text)} cannot be an argument of an iptables rule`);
  return `"${text.replace(/["'\\]/g, "\\$&")}"`;
}

/** Throws InternalError for a name that the tools would refuse or misread. */
export function assertChainName(name: string): void {
  const wellFormed = /^[A-Za-z][A-Za-z0-9./_-]*$/.test(name);
  assert(
    wellFormed && name.length <= nameLimits.iptablesChain,
    `${JSON.stringify(name)} cannot name an iptables chain`,
  );
}
