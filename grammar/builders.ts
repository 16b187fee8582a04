import type * as nodes from "./nodes.ts";
import type { Leaf, Span } from "./nodes.ts";
import type { FlagWord, ListWord, ValueWord } from "./vocabulary.ts";

/**
 * Makers of syntax tree nodes, for the grammar and for trees that come from elsewhere than a text.
 * The first argument of a line's node is its span; `nowhere` where there is no text.
 */
export const nowhere: Span = { start: 0, end: 0 };

export function letDeclaration({ start, end }: Span, name: Leaf, values: readonly Leaf[]): nodes.LetDeclaration {
  return { kind: "let", start, end, name, values };
}

export function include({ start, end }: Span, pattern: Leaf): nodes.IncludeDeclaration {
  return { kind: "include", start, end, pattern };
}

export function expectation(
  { start, end }: Span,
  node: Leaf | null,
  protocol: Leaf,
  source: Leaf,
  destination: Leaf,
  outcome: nodes.OutcomeNode,
): nodes.ExpectDeclaration {
  return { kind: "expect", start, end, node, protocol, source, destination, outcome };
}

export function reaches(targets: readonly nodes.TargetNode[], masquerade: Leaf | null): nodes.OutcomeNode {
  return { kind: "reaches", targets, masquerade };
}

export function verdict(word: Leaf): nodes.OutcomeNode {
  return { kind: "verdict", word };
}

export function target(name: Leaf, percent: Leaf | null): nodes.TargetNode {
  return { kind: "target", name, percent };
}

export function cluster({ start, end }: Span): nodes.ClusterBlock {
  return { kind: "cluster", start, end, lines: [], comment: null };
}

export function node({ start, end }: Span, name: Leaf): nodes.NodeBlock {
  return { kind: "node", start, end, name, lines: [], comment: null };
}

export function service({ start, end }: Span, name: Leaf): nodes.ServiceBlock {
  return { kind: "service", start, end, name, lines: [], comment: null };
}

export function list(
  { start, end }: Span,
  word: { readonly text: ListWord },
  values: readonly Leaf[],
): nodes.ListStatement {
  return { kind: "list", start, end, word: word.text, values };
}

export function oneValue({ start, end }: Span, word: { readonly text: ListWord }, value: Leaf): nodes.ListStatement {
  return { kind: "list", start, end, word: word.text, values: [value] };
}

export function value({ start, end }: Span, word: { readonly text: ValueWord }, of: Leaf): nodes.ValueStatement {
  return { kind: "value", start, end, word: word.text, value: of };
}

export function flag({ start, end }: Span, word: { readonly text: FlagWord }): nodes.FlagStatement {
  return { kind: "flag", start, end, word: word.text };
}

export function scheduler(
  { start, end }: Span,
  name: Leaf,
  flags: readonly Leaf[] | null = null,
): nodes.SchedulerStatement {
  return { kind: "scheduler", start, end, name, flags: flags ?? [] };
}

export function loadBalancer(
  { start, end }: Span,
  addresses: readonly Leaf[],
  allow: readonly Leaf[] | null = null,
): nodes.LoadBalancerStatement {
  return { kind: "load-balancer", start, end, addresses, allow };
}

export function affinity({ start, end }: Span, timeout: Leaf | null, netmask: Leaf | null): nodes.AffinityStatement {
  return { kind: "affinity", start, end, timeout, netmask };
}

export function forward(
  { start, end }: Span,
  method: Leaf,
  tunnel: Leaf | null = null,
  port: Leaf | null = null,
): nodes.ForwardStatement {
  return { kind: "forward", start, end, method, tunnel, port };
}

export function localTraffic(
  { start, end }: Span,
  detector: Leaf,
  interfaceName: Leaf | null = null,
): nodes.LocalTrafficStatement {
  return { kind: "local-traffic", start, end, detector, interface: interfaceName };
}

export function guard(
  { start, end }: Span,
  prefixes: readonly Leaf[],
  services: readonly Leaf[],
): nodes.GuardStatement {
  return { kind: "guard", start, end, prefixes, services };
}

export function allowWarning({ start, end }: Span, codes: readonly Leaf[]): nodes.AllowWarningStatement {
  return { kind: "allow-warning", start, end, codes };
}

export function port(
  { start, end }: Span,
  name: Leaf | null,
  protocol: Leaf,
  number: Leaf,
  targetPort: Leaf | null,
  nodePort: Leaf | null,
): nodes.PortStatement {
  return { kind: "port", start, end, name, protocol, port: number, target: targetPort, nodePort };
}

export function endpoint(
  { start, end }: Span,
  address: Leaf,
  options: readonly nodes.EndpointOption[] | null,
): nodes.EndpointStatement {
  return { kind: "endpoint", start, end, address, options: options ?? [] };
}

export function flagOption(word: Leaf): nodes.EndpointOption {
  return { kind: "flag-option", word };
}

export function valueOption(word: Leaf, of: Leaf): nodes.EndpointOption {
  return { kind: "value-option", word, value: of };
}

export function namesOption(word: Leaf, names: readonly Leaf[]): nodes.EndpointOption {
  return { kind: "names-option", word, names };
}

export function portsOption(word: Leaf, ports: readonly nodes.EndpointPortNode[]): nodes.EndpointOption {
  return { kind: "ports-option", word, ports };
}

export function endpointPort(name: Leaf | null, number: Leaf): nodes.EndpointPortNode {
  return { kind: "endpoint-port", name, port: number };
}
