import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { NodeIr } from "../ir/ir.ts";
import type { Step } from "./step.ts";

export type BackendName = "iptables" | "ipvs" | "nftables" | "userspace";

/** One file of an artifact. `path` is relative to the node's folder: `nftables/ruleset.nft`. */
export interface ArtifactFile {
  readonly path: string;
  /** The text in pieces of some 64 KB, so that 20 MB need not be one string. */
  readonly chunks: readonly string[];
}

/** What a node must have for an artifact to load; `neededBy` names the feature, and services when few. */
export interface Requirement {
  readonly kind: "kernel" | "kernel-module" | "tool" | "sysctl" | "capability";
  /** `nf_tables`, `nft`, `net.ipv4.ip_forward`, … */
  readonly name: string;
  /** Least version, or the value a sysctl must have; null when any will do. */
  readonly value: string | null;
  readonly neededBy: string;
}

/** A name as it is seen in the kernel's listing, and what it stands for: lines of sources.json. */
export interface NamedObject {
  readonly name: string;
  /** Key of a service port, `shop/web:http`; null for objects that serve all. */
  readonly key: string | null;
}

export interface Lowered<P> {
  readonly program: P;
  readonly diagnostics: readonly Diagnostic[];
}

/** The text of an artifact's files by path. */
export type FileTexts = ReadonlyMap<string, string>;

/** A lowering target. Programs are plain immutable data; `parse(print(p))` equals `p`. */
export interface Backend<P> {
  readonly name: BackendName;
  /** Pure; reports what it cannot express with the spec's place. */
  lower(ir: NodeIr): Lowered<P>;
  print(program: P): readonly ArtifactFile[];
  /** Reads the files that `print` made, by path. Throws ParseError of text.ts on anything else. */
  parse(files: FileTexts): P;
  /**
   * The least ordered steps from one program to another, null for nothing of weir's: add first, switch, remove after.
   * Executing them leaves no moment without service for what both serve.
   */
  delta(before: P | null, after: P | null): readonly Step[];
  /**
   * Two versions of the files without what does not matter to their delta, because both have it: reading them then
   * takes time by what changed. For backends whose kernel tells that nobody else has changed anything.
   */
  readonly withoutUnchanged?: (
    before: FileTexts,
    after: FileTexts,
  ) => { readonly before: FileTexts; readonly after: FileTexts };
  requirements(program: P): readonly Requirement[];
  /** Chains, sets and the like that the program names, in the order of their names. */
  names(program: P): readonly NamedObject[];
  /**
   * The first thing in a program that is not weir's to touch, as a phrase: `the chain INPUT, which …`; null when there is
   * none. Lowering makes no such program: someone else has written it.
   */
  stranger(program: P): string | null;
}
