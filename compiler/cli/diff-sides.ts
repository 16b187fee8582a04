import { existsSync } from "node:fs";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { languageOf } from "../pipeline.ts";
import type { Spec } from "../spec/schema.ts";
import { type Compiled, compiledAt } from "./compiled.ts";
import { TroubleError, UsageError } from "./exit.ts";
import { checkOut, mergeBase } from "./git.ts";
import type { Io } from "./io.ts";
import { loadSpec } from "./load.ts";

/** One side of a comparison, read; `name` is what was typed. */
export type OpenedSide = SpecSide | CompiledSide;

export interface SpecSide {
  readonly kind: "spec";
  readonly name: string;
  readonly spec: Spec;
  readonly diagnostics: readonly Diagnostic[];
}

/** A folder that `weir compile` wrote: it holds no spec. */
export interface CompiledSide {
  readonly kind: "compiled";
  readonly name: string;
  readonly nodes: readonly Compiled[];
}

/** Where a side comes from: files as they are, or as a git revision has them. */
type Origin =
  | { readonly kind: "files"; readonly paths: readonly string[]; readonly name: string }
  | { readonly kind: "revision"; readonly revision: string; readonly paths: readonly string[]; readonly name: string };

/**
 * What the arguments of `weir diff` name, read: OLD NEW, each a file, a folder or REVISION:PATH; or REVISION..[REVISION]
 * PATH..., where nothing after the dots is the files as they are. What exists as a file is never taken for a revision.
 */
export async function openSides(
  args: readonly string[],
  io: Io,
): Promise<{ readonly old: OpenedSide; readonly new: OpenedSide }> {
  const [old, now] = originsOf(args);
  return { old: await open(old, io), new: await open(now, io) };
}

function originsOf(args: readonly string[]): readonly [Origin, Origin] {
  const [first = "", second, ...rest] = args;
  const range = existsSync(first) ? null : /^([^:]*?)(\.{2,3})([^:]*)$/s.exec(first);
  if (range !== null) return rangeOf(range, args.slice(1));
  if (second === undefined || rest.length > 0) {
    throw new UsageError("name what to compare: OLD NEW, or REVISION.. PATH...");
  }
  return [originOf(first), originOf(second)];
}

/** As git has it: an end that is left out is HEAD, but after two dots it is the files as they are. */
function rangeOf(
  [, from = "", dots = "", to = ""]: RegExpExecArray,
  paths: readonly string[],
): readonly [Origin, Origin] {
  if (paths.length === 0) throw new UsageError("name the spec's files or folders after the revisions");
  const [left, right] = [from === "" ? "HEAD" : from, to === "" ? "HEAD" : to];
  const base = dots === "..." ? mergeBase(left, right) : left;
  const old: Origin = { kind: "revision", revision: base, paths, name: left };
  if (to === "") return [old, { kind: "files", paths, name: paths.join(" ") }];
  return [old, { kind: "revision", revision: right, paths, name: right }];
}

function originOf(argument: string): Origin {
  const colon = argument.indexOf(":");
  if (existsSync(argument) || argument === "-" || colon < 1) {
    if (isPlainRevision(argument)) {
      const ways = `${argument}.. PATH or ${argument}:PATH`;
      throw new TroubleError(`cannot read ${argument}: no such file or folder; for a git revision write ${ways}`);
    }
    return { kind: "files", paths: [argument], name: argument };
  }
  const [revision, path] = [argument.slice(0, colon), argument.slice(colon + 1)];
  return { kind: "revision", revision, paths: [path === "" ? "." : path], name: argument };
}

/** What people write for a revision that git would know: `main`, `HEAD~2`, `origin/main`, `v1.2.3`. */
function isPlainRevision(argument: string): boolean {
  return (
    !existsSync(argument) && languageOf(argument) === null && /^[A-Za-z0-9][A-Za-z0-9._/@^~-]*[^/]$/.test(argument)
  );
}

async function open(origin: Origin, io: Io): Promise<OpenedSide> {
  if (origin.kind === "files") {
    const nodes = compiledAt(origin.paths, {});
    if (nodes !== null) return { kind: "compiled", name: origin.name, nodes };
    const { spec, diagnostics } = await loadSpec(origin.paths, null, io);
    return { kind: "spec", name: origin.name, spec, diagnostics };
  }
  const tree = checkOut(origin.revision, origin.paths);
  try {
    const { spec, diagnostics } = await loadSpec(tree.paths, null, io, tree.shownAs);
    return { kind: "spec", name: origin.name, spec, diagnostics };
  } catch (error) {
    if (error instanceof TroubleError) throw new TroubleError(tree.shownAs(error.message));
    throw error;
  } finally {
    tree.remove();
  }
}
