import { unreachable } from "../../result.ts";
import type { ArtifactFile } from "../backend.ts";
import { TextWriter } from "../text.ts";
import { describe, sharedChains } from "./describe.ts";
import { chainNames } from "./names.ts";
import { compareFrontends, compareKeys, isByEndpoint, isNumbered, isProtocol, isRange } from "./order.ts";
import { printClass, printPrefix, printRule, printVerdict, typeofSpelling } from "./print-rule.ts";
import type {
  AnyNftSet,
  NftAtom,
  NftChain,
  NftDatatype,
  NftFamily,
  NftMap,
  NftMapElement,
  NftProgram,
  NftTable,
} from "./program.ts";

const fixedNames: readonly string[] = chainNames;

export const rulesetPath = "nftables/ruleset.nft";

/** Input for `nft -f`: each table is made, deleted and made anew, in one transaction, whatever was there before. */
export function printNftables(program: NftProgram): readonly ArtifactFile[] {
  if (program.tables.length === 0) return [];
  const out = new TextWriter();
  for (const table of program.tables) for (const line of replacement(table)) out.line(line);
  for (const table of program.tables) printTable(table, out);
  return [out.file(rulesetPath)];
}

/** The lines before a table that is to take the place of one that may be there. */
export function replacement({ family, name }: Pick<NftTable, "family" | "name">): readonly string[] {
  return [`table ${family} ${name}`, `delete table ${family} ${name}`];
}

function printTable(table: NftTable, out: TextWriter): void {
  out.line("");
  out.line(`table ${table.family} ${table.name} {`);
  let separated = true;
  const firstShared = table.chains.find(({ name }) => !fixedNames.includes(name));
  for (const item of [...table.sets, ...table.chains]) {
    const about = item === firstShared ? sharedChains : describe(item.name);
    const short = "rules" in item ? oneLine(item, table.family) !== null : isEmptySet(item);
    if (!separated && (about !== null || !short)) out.line("");
    if (about !== null) out.line(`\t# ${about}`);
    if ("rules" in item) printChain(item, table.family, out);
    else printSet(item, out);
    separated = false;
    if (!short) {
      out.line("");
      separated = true;
    }
  }
  out.line("}");
}

function isEmptySet(set: AnyNftSet): boolean {
  return set.kind === "dynamic-map" || set.elements.length === 0;
}

const longestLine = 160;

/** Small chains are one line each: a pool that grows by one then changes a line of chains, not a block. */
function oneLine(chain: NftChain, family: NftFamily): string | null {
  if (chain.kind === "base" || chain.rules.length > 2) return null;
  const rules = chain.rules.map((rule) => `${printRule(rule, family)}; `).join("");
  const line = `\tchain ${chain.name} { ${rules}}`;
  return line.length <= longestLine ? line : null;
}

/** A chain inside a table's braces, with its rules. */
export function printChain(chain: NftChain, family: NftFamily, out: TextWriter): void {
  const short = oneLine(chain, family);
  if (short !== null) {
    out.line(short);
    return;
  }
  out.line(`\tchain ${chain.name} {`);
  if (chain.kind === "base") {
    out.line(`\t\ttype nat hook ${chain.hook} priority ${printPriority(chain.hook, chain.priority)}; policy accept;`);
  }
  for (const rule of chain.rules) out.line(`\t\t${printRule(rule, family)}`);
  out.line("\t}");
}

/** nft has names for the two priorities of translation, but refuses `dstnat` in output. */
function printPriority(hook: string, priority: number): string {
  if (hook === "prerouting" && priority === -100) return "dstnat";
  return hook === "postrouting" && priority === 100 ? "srcnat" : `${priority}`;
}

/** A set or map inside a table's braces, with its elements. */
export function printSet(set: AnyNftSet, out: TextWriter): void {
  const head = `\t${set.kind === "set" ? "set" : "map"} ${set.name} {`;
  const properties = [printType(set), ...printFlags(set)];
  if (set.kind === "dynamic-map") properties.push(`size ${set.size}`);
  if (isEmptySet(set)) {
    out.line(`${head} ${properties.map((property) => `${property}; `).join("")}}`);
    return;
  }
  out.line(head);
  for (const property of properties) out.line(`\t\t${property}`);
  out.line("\t\telements = {");
  printElements(set, out);
  out.line("\t\t}");
  out.line("\t}");
}

function printFlags(set: AnyNftSet): readonly string[] {
  const flags = [...(set.interval ? ["interval"] : []), ...(set.kind === "dynamic-map" ? ["dynamic", "timeout"] : [])];
  return flags.length === 0 ? [] : [`flags ${flags.join(",")}`];
}

function printType(set: AnyNftSet): string {
  const data = set.kind === "map" || set.kind === "dynamic-map" ? set.data : [];
  const byField = [...set.key, ...data].includes("integer");
  const list = (types: readonly NftDatatype[]) =>
    types.map((type) => (byField ? typeofSpelling[type] : type)).join(" . ");
  const target = set.kind === "verdict-map" ? "verdict" : list(data);
  return `${byField ? "typeof" : "type"} ${list(set.key)}${set.kind === "set" ? "" : ` : ${target}`}`;
}

/**
 * One element a line, but for numbered maps. There a line is an endpoint with all its slots, whatever its weight; and
 * a line of the map from slots to endpoint numbers holds eight slots of a frontend, because one changed endpoint may
 * displace several others.
 */
export function printElements(set: AnyNftSet, out: TextWriter): void {
  switch (set.kind) {
    case "set":
      for (const { key, comment } of set.elements) {
        out.line(`\t\t\t${printKey(key, set.key)}${printComment(comment)},`);
      }
      return;
    case "verdict-map":
      for (const { key, comment, verdict } of set.elements) {
        out.line(`\t\t\t${printKey(key, set.key)}${printComment(comment)} : ${printVerdict(verdict)},`);
      }
      return;
    case "map":
      printMapElements(set, out);
      return;
    case "dynamic-map":
      return;
    default:
      unreachable(set);
  }
}

function printMapElements(map: NftMap, out: TextWriter): void {
  if (!isNumbered(map)) {
    for (const { key, data } of map.elements)
      out.line(`\t\t\t${printKey(key, map.key)} : ${printKey(data, map.data)},`);
    return;
  }
  const frontendTypes = map.key.slice(0, -1);
  const belongTogether = isByEndpoint(map) ? haveOneEndpoint : areNeighbours;
  let line = "";
  let previous: NftMapElement | null = null;
  let frontend = "";
  for (const element of map.elements) {
    const sameFrontend = previous !== null && compareFrontends(previous.key, element.key) === 0;
    if (!sameFrontend) frontend = printKey(element.key, frontendTypes);
    const text = `${frontend} . ${printNumber(element.key.at(-1))} : ${printKey(element.data, map.data)},`;
    if (sameFrontend && previous !== null && belongTogether(previous, element)) {
      line += ` ${text}`;
    } else {
      if (line !== "") out.line(line);
      line = `\t\t\t${text}`;
    }
    previous = element;
  }
  if (line !== "") out.line(line);
}

function haveOneEndpoint(a: NftMapElement, b: NftMapElement): boolean {
  return compareKeys(a.data, b.data) === 0;
}

const slotsPerLine = 8;

/** By number, not by count, so that a slot stays in its line. */
function areNeighbours(a: NftMapElement, b: NftMapElement): boolean {
  const lineOf = (number: NftAtom | undefined) => (typeof number === "number" ? Math.floor(number / slotsPerLine) : 0);
  return lineOf(a.key.at(-1)) === lineOf(b.key.at(-1));
}

function printNumber(atom: NftAtom | undefined): string {
  return typeof atom === "number" ? printClass(atom) : "";
}

/** Comments come from elementComment of names.ts, which leaves nothing in them that could end the quotes. */
export function printComment(comment: string | null): string {
  return comment === null ? "" : ` comment "${comment}"`;
}

/** The parts of a key or of data as elements have them, with dots between. */
export function printKey(key: readonly NftAtom[], types: readonly NftDatatype[]): string {
  let text = "";
  for (let at = 0; at < types.length; at++) {
    const atom = key[at];
    if (atom === undefined) break;
    if (at > 0) text += " . ";
    text += printAtom(atom, types[at]);
  }
  return text;
}

function printAtom(atom: NftAtom, type: NftDatatype | undefined): string {
  if (typeof atom === "number") return type === "classid" ? printClass(atom) : `${atom}`;
  if (isProtocol(atom)) return atom;
  if (isRange(atom)) return atom.first === atom.last ? `${atom.first}` : `${atom.first}-${atom.last}`;
  return "bits" in atom ? atom.text : printPrefix(atom);
}
