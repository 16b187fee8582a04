import type { Span, Token } from "./tokens.ts";
import type { FlagWord, ListWord, ValueWord } from "./vocabulary.ts";

export type { Span } from "./tokens.ts";

/** A word, number, percentage or string as the author wrote it; what it means is not looked at yet. */
export type Leaf = Token;

export interface LetDeclaration extends Span {
  readonly kind: "let";
  readonly name: Leaf;
  readonly values: readonly Leaf[];
}

export interface IncludeDeclaration extends Span {
  readonly kind: "include";
  readonly pattern: Leaf;
}

export interface ExpectDeclaration extends Span {
  readonly kind: "expect";
  /** null: on every node. */
  readonly node: Leaf | null;
  readonly protocol: Leaf;
  readonly source: Leaf;
  readonly destination: Leaf;
  readonly outcome: OutcomeNode;
}

export type OutcomeNode =
  | { readonly kind: "reaches"; readonly targets: readonly TargetNode[]; readonly masquerade: Leaf | null }
  /** `rejected`, `dropped` or `not-ours`. */
  | { readonly kind: "verdict"; readonly word: Leaf };

export interface TargetNode {
  readonly kind: "target";
  readonly name: Leaf;
  readonly percent: Leaf | null;
}

/** The span of a block is its header without the brace: `service shop/web`. */
export interface Block<S> extends Span {
  readonly lines: readonly Line<S>[];
  /** Behind the opening brace, with its `#`. */
  readonly comment: string | null;
}

export interface ClusterBlock extends Block<ClusterStatement> {
  readonly kind: "cluster";
}

export interface NodeBlock extends Block<NodeStatement> {
  readonly kind: "node";
  readonly name: Leaf;
}

export interface ServiceBlock extends Block<ServiceStatement> {
  readonly kind: "service";
  /** `namespace/name`. */
  readonly name: Leaf;
}

export type BlockNode = ClusterBlock | NodeBlock | ServiceBlock;
export type Declaration = LetDeclaration | IncludeDeclaration | ExpectDeclaration | BlockNode;

export interface ListStatement extends Span {
  readonly kind: "list";
  readonly word: ListWord;
  readonly values: readonly Leaf[];
}

export interface ValueStatement extends Span {
  readonly kind: "value";
  readonly word: ValueWord;
  readonly value: Leaf;
}

export interface FlagStatement extends Span {
  readonly kind: "flag";
  readonly word: FlagWord;
}

export interface SchedulerStatement extends Span {
  readonly kind: "scheduler";
  readonly name: Leaf;
  readonly flags: readonly Leaf[];
}

export interface LoadBalancerStatement extends Span {
  readonly kind: "load-balancer";
  readonly addresses: readonly Leaf[];
  readonly allow: readonly Leaf[] | null;
}

export interface AffinityStatement extends Span {
  readonly kind: "affinity";
  readonly timeout: Leaf | null;
  readonly netmask: Leaf | null;
}

export interface ForwardStatement extends Span {
  readonly kind: "forward";
  readonly method: Leaf;
  /** `ipip`, `gue` or `gre`, of a tunnel. */
  readonly tunnel: Leaf | null;
  readonly port: Leaf | null;
}

export interface LocalTrafficStatement extends Span {
  readonly kind: "local-traffic";
  readonly detector: Leaf;
  readonly interface: Leaf | null;
}

export interface GuardStatement extends Span {
  readonly kind: "guard";
  readonly prefixes: readonly Leaf[];
  readonly services: readonly Leaf[];
}

export interface AllowWarningStatement extends Span {
  readonly kind: "allow-warning";
  readonly codes: readonly Leaf[];
}

export interface PortStatement extends Span {
  readonly kind: "port";
  readonly name: Leaf | null;
  readonly protocol: Leaf;
  readonly port: Leaf;
  readonly target: Leaf | null;
  readonly nodePort: Leaf | null;
}

export interface EndpointStatement extends Span {
  readonly kind: "endpoint";
  readonly address: Leaf;
  readonly options: readonly EndpointOption[];
}

export interface EndpointPortNode {
  readonly kind: "endpoint-port";
  /** null: the service's only port, which has no name. */
  readonly name: Leaf | null;
  readonly port: Leaf;
}

/** `word` is the option's first token, `on` or `weight`. */
export type EndpointOption =
  | { readonly kind: "flag-option"; readonly word: Leaf }
  | { readonly kind: "value-option"; readonly word: Leaf; readonly value: Leaf }
  | { readonly kind: "names-option"; readonly word: Leaf; readonly names: readonly Leaf[] }
  | { readonly kind: "ports-option"; readonly word: Leaf; readonly ports: readonly EndpointPortNode[] };

export type ClusterStatement =
  | ListStatement
  | ValueStatement
  | FlagStatement
  | SchedulerStatement
  | LocalTrafficStatement
  | GuardStatement
  | AllowWarningStatement;

export type NodeStatement = ListStatement | ValueStatement;

export type ServiceStatement =
  | ListStatement
  | ValueStatement
  | FlagStatement
  | SchedulerStatement
  | LoadBalancerStatement
  | AffinityStatement
  | ForwardStatement
  | PortStatement
  | EndpointStatement
  | AllowWarningStatement;

export type Statement = ClusterStatement | NodeStatement | ServiceStatement;

/** A comment inside a list that goes over several lines; `at` is its place in the text. */
export interface InnerComment {
  readonly text: string;
  readonly at: number;
  /** It has a line of its own, before the value that follows; else it stands behind the value before it. */
  readonly ownLine: boolean;
}

/** One line of a file or block: a statement, a comment, or both. Never neither. */
export interface Line<S> {
  readonly kind: "line";
  readonly statement: S | null;
  /** With its `#`. Of a block: behind the closing brace. */
  readonly comment: string | null;
  readonly blankBefore: boolean;
  readonly inner: readonly InnerComment[];
}

/**
 * A part of a file that was parsed by itself: usually one declaration with the comments before it.
 * All positions inside are relative to `start`, so that a chunk whose text did not change can be used again.
 */
export interface Chunk {
  readonly kind: "chunk";
  readonly start: number;
  readonly lines: readonly Line<Declaration>[];
}

export interface FileNode {
  readonly kind: "file";
  readonly chunks: readonly Chunk[];
}
