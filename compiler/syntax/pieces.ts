import type { Declaration, EndpointOption, Leaf, OutcomeNode, Statement } from "../../grammar/nodes.ts";
import { hiddenCharacter } from "../../grammar/tokens.ts";
import { keywords } from "../../grammar/vocabulary.ts";
import { assert, unreachable } from "../result.ts";

/** A word of a line as it is written, with its comma. */
export interface Piece {
  readonly text: string;
  /** A line that is too long is broken behind it. */
  readonly breaks: boolean;
  /** Where the next value of the list stands in the text; comments before that place follow this piece. */
  readonly nextAt: number;
}

const plainName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const digits = /^[0-9]+$/;

/** A name, in quotes where it would be read as something else without. */
function name(leaf: Leaf, mayBeNumber: boolean): string {
  const { text } = leaf;
  if (plainName.test(text) && !keywords.has(text) && (mayBeNumber || !digits.test(text))) return text;
  return quoted(text);
}

function quoted(text: string): string {
  assert(!/["\r\n]/.test(text) && !hiddenCharacter.test(text), `no way to write ${JSON.stringify(text)} in quotes`);
  return `"${text}"`;
}

function word(text: string): Piece {
  return { text, breaks: false, nextAt: 0 };
}

function words(...texts: readonly (string | null)[]): readonly Piece[] {
  return texts.flatMap((text) => (text === null ? [] : [word(text)]));
}

function plain(leaf: Leaf): string {
  return leaf.text;
}

function nodeName(leaf: Leaf): string {
  return name(leaf, true);
}

function list<T>(items: readonly T[], write: (item: T) => string, placeOf: (item: T) => number): readonly Piece[] {
  return items.map((item, at) => {
    const next = items[at + 1];
    return next === undefined ? word(write(item)) : { text: `${write(item)},`, breaks: true, nextAt: placeOf(next) };
  });
}

function leaves(items: readonly Leaf[], write: (leaf: Leaf) => string = plain): readonly Piece[] {
  return list(items, write, (leaf) => leaf.start);
}

function outcomePieces(outcome: OutcomeNode): readonly Piece[] {
  if (outcome.kind === "verdict") return words(outcome.word.text);
  const targets = list(
    outcome.targets,
    ({ name: target, percent }) => (percent === null ? target.text : `${target.text} ${percent.text}`),
    (target) => target.name.start,
  );
  return [
    word("reaches"),
    ...targets,
    ...(outcome.masquerade === null ? [] : words("masquerade", outcome.masquerade.text)),
  ];
}

function optionPieces(option: EndpointOption): readonly Piece[] {
  const first = word(option.word.text);
  switch (option.kind) {
    case "flag-option":
      return [first];
    case "value-option":
      return [first, word(option.word.text === "on" ? nodeName(option.value) : option.value.text)];
    case "names-option":
      return [first, ...leaves(option.names, nodeName)];
    case "ports-option":
      return [
        first,
        ...list(
          option.ports,
          ({ name: port, port: number }) => (port === null ? number.text : `${name(port, false)}=${number.text}`),
          ({ name: port, port: number }) => (port ?? number).start,
        ),
      ];
    default:
      return unreachable(option);
  }
}

/** The words of a line, or of a block's header without its brace. */
export function piecesOf(node: Declaration | Statement): readonly Piece[] {
  switch (node.kind) {
    case "let":
      return [...words("let", node.name.text, "="), ...leaves(node.values)];
    case "include":
      return words("include", quoted(node.pattern.text));
    case "cluster":
      return words("cluster");
    case "node":
      return words("node", nodeName(node.name));
    case "service":
      return words("service", node.name.text);
    case "expect": {
      const where = node.node === null ? words("expect:") : words("expect", "on", `${nodeName(node.node)}:`);
      const packet = words(node.protocol.text, node.source.text, "->", node.destination.text);
      return [...where, ...packet, ...outcomePieces(node.outcome)];
    }
    case "list":
      return [word(node.word), ...leaves(node.values)];
    case "value":
      return words(node.word, node.word === "zone" ? nodeName(node.value) : node.value.text);
    case "flag":
      return words(node.word);
    case "scheduler":
      return words("scheduler", node.name.text, ...node.flags.map(plain));
    case "load-balancer":
      return [
        word("load-balancer"),
        ...leaves(node.addresses),
        ...(node.allow === null ? [] : [word("allow"), ...leaves(node.allow)]),
      ];
    case "affinity": {
      const netmask = node.netmask === null ? [] : words("netmask", node.netmask.text);
      return [...words("affinity", "client-ip", node.timeout?.text ?? null), ...netmask];
    }
    case "forward":
      return words("forward", node.method.text, node.tunnel?.text ?? null, node.port?.text ?? null);
    case "local-traffic":
      return words("local-traffic", node.detector.text, node.interface === null ? null : name(node.interface, false));
    case "guard":
      return [...words("guard", "vip"), ...leaves(node.prefixes), word("for"), ...leaves(node.services)];
    case "allow-warning":
      return [...words("allow", "warning"), ...leaves(node.codes)];
    case "port": {
      const target = node.target === null ? [] : words("->", node.target.text);
      const nodePort = node.nodePort === null ? [] : words("node-port", node.nodePort.text);
      const port = words(
        "port",
        node.name === null ? null : name(node.name, false),
        node.protocol.text,
        node.port.text,
      );
      return [...port, ...target, ...nodePort];
    }
    case "endpoint":
      return [...words("endpoint", node.address.text), ...node.options.flatMap(optionPieces)];
    default:
      return unreachable(node);
  }
}
