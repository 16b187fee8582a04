import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type ParsedNode } from "yaml";
import type { SourceFile } from "../source.ts";
import { firstLineOf, type Locate, locationAt, type Path, type Range } from "./places.ts";

/** Where a value and those inside it stand; offsets are those of the parsed text. */
export interface PlaceTree extends Range {
  readonly inside: ReadonlyMap<string | number, PlaceTree> | null;
}

export interface YamlFault extends Range {
  readonly reason: string;
  readonly kind: "invalid" | "limit";
}

/** More are refused, so that aliases of aliases cannot multiply. */
const mostAliases = 100;
const deepestValue = 200;

interface State {
  readonly document: Document<ParsedNode>;
  readonly faults: YamlFault[];
  aliases: number;
}

export interface YamlValue {
  readonly value: unknown;
  readonly places: PlaceTree;
  readonly faults: readonly YamlFault[];
}

const nowhere: PlaceTree = { start: 0, end: 0, inside: null };

/**
 * The plain value of a parsed document, and the places of everything in it. What Kubernetes would read otherwise than
 * YAML 1.2 does, or not at all, is a fault: repeated keys, merge keys, keys that are no text, octal-looking numbers.
 */
export function yamlValue(document: Document<ParsedNode>): YamlValue {
  const state: State = { document, faults: [], aliases: 0 };
  const { value, places } = convert(document.contents, state, 0);
  return { value, places, faults: state.faults };
}

interface Converted {
  readonly value: unknown;
  readonly places: PlaceTree;
}

function rangeOf(node: Node): Range {
  return { start: node.range?.[0] ?? 0, end: node.range?.[1] ?? 0 };
}

function convert(node: Node | null, state: State, depth: number): Converted {
  if (node === null) return { value: null, places: nowhere };
  const range = rangeOf(node);
  const refuse = (reason: string, kind: YamlFault["kind"] = "invalid"): Converted => {
    state.faults.push({ ...range, reason, kind });
    return { value: null, places: { ...range, inside: null } };
  };
  if (depth > deepestValue) return refuse(`aliases nest values deeper than ${deepestValue}`, "limit");
  if (isAlias(node)) {
    state.aliases++;
    if (state.aliases > mostAliases) {
      return state.aliases === mostAliases + 1
        ? refuse(`more than ${mostAliases} aliases are used`, "limit")
        : { value: null, places: nowhere };
    }
    const target = node.resolve(state.document);
    if (target === undefined) return refuse(`no anchor ${JSON.stringify(node.source)} stands before this alias`);
    return { value: convert(target, state, depth + 1).value, places: { ...range, inside: null } };
  }
  if (isMap(node)) return convertMap(node.items, range, state, depth);
  if (isSeq(node)) {
    const value: unknown[] = [];
    const inside = new Map<number, PlaceTree>();
    for (const item of node.items) {
      const converted = convert(asNode(item), state, depth + 1);
      inside.set(value.length, converted.places);
      value.push(converted.value);
    }
    return { value, places: { ...range, inside } };
  }
  if (!isScalar(node)) return refuse("this is no value");
  if (typeof node.value === "number" && /^[-+]?0[0-9]/.test(node.source ?? "")) {
    return refuse(
      `${node.source} is octal for some readers of YAML and decimal for others; write it without the leading zero`,
    );
  }
  return { value: node.value, places: { ...range, inside: null } };
}

function convertMap(
  pairs: readonly { readonly key: unknown; readonly value: unknown }[],
  range: Range,
  state: State,
  depth: number,
): Converted {
  const value: Record<string, unknown> = {};
  const inside = new Map<string, PlaceTree>();
  for (const pair of pairs) {
    const keyNode = asNode(pair.key);
    const keyRange = keyNode === null ? range : rangeOf(keyNode);
    const refuse = (reason: string): number => state.faults.push({ ...keyRange, reason, kind: "invalid" });
    if (!isScalar(keyNode) || keyNode.value === null || typeof keyNode.value === "object") {
      refuse("a key must be plain text");
      continue;
    }
    const key = typeof keyNode.value === "string" ? keyNode.value : (keyNode.source ?? String(keyNode.value));
    if (key === "<<" && keyNode.type === "PLAIN") {
      refuse("merge keys are not read; write the fields out");
      continue;
    }
    if (inside.has(key)) {
      refuse(`key ${JSON.stringify(key)} is given twice`);
      continue;
    }
    const converted = convert(asNode(pair.value), state, depth + 1);
    // An empty value has no place of its own: `name:` is shown at its key.
    inside.set(key, converted.places.end > converted.places.start ? converted.places : { ...keyRange, inside: null });
    Object.defineProperty(value, key, { value: converted.value, enumerable: true, configurable: true, writable: true });
  }
  return { value, places: { ...range, inside } };
}

function asNode(item: unknown): Node | null {
  return isAlias(item) || isScalar(item) || isMap(item) || isSeq(item) ? item : null;
}

/** Places in the file of a part that was parsed by itself; `offset` is where the part begins. */
export function locateInYaml(file: SourceFile, offset: number, places: PlaceTree): Locate {
  return (path: Path, object?: string) => {
    let tree = places;
    for (const key of path) {
      const next = tree.inside?.get(key);
      if (next === undefined) break;
      tree = next;
    }
    const range = { start: tree.start + offset, end: tree.end + offset };
    return locationAt(file, firstLineOf(file.text, range), object);
  };
}
