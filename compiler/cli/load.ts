import { relative, sep } from "node:path";
import { addAll, type Diagnostic, diagnostic, hasErrors } from "../diagnostics/diagnostic.ts";
import { fragmentOf, languageOf, specOf } from "../pipeline.ts";
import type { SourceFile } from "../source.ts";
import { withoutAccepted } from "../spec/accepted.ts";
import type { IncludeRequest, SpecFragment } from "../spec/fragment.ts";
import type { Spec } from "../spec/schema.ts";
import { TroubleError } from "./exit.ts";
import { expandInclude, maximumIncludeDepth } from "./includes.ts";
import type { Io } from "./io.ts";
import { findInputs, type InputPath } from "./paths.ts";
import { readInput } from "./read.ts";

/** All inputs together; what one file may hold is in read.ts. */
const maximumTotalBytes = 512 * 1024 * 1024;
const maximumFiles = 100_000;

/** All inputs of a command, read. */
export interface LoadedFiles {
  readonly files: readonly SourceFile[];
  readonly fragments: readonly SpecFragment[];
  readonly diagnostics: readonly Diagnostic[];
  /**
   * A file's path inside the spec: relative to the folder that was given, so that an artifact does not tell where
   * it was compiled. As typed when there are several such folders.
   */
  readonly pathInSpec: (file: SourceFile) => string;
}

export interface LoadedSpec extends LoadedFiles {
  readonly spec: Spec;
}

interface State {
  readonly io: Io;
  readonly files: Map<SourceFile, InputPath>;
  readonly fragments: SpecFragment[];
  readonly diagnostics: Diagnostic[];
  /** Files that were met, by their real path: each is read once, however many includes name it. */
  readonly met: Set<string>;
  /** Files of a folder that are no specs, by their real path, with the findings that they had as specs. */
  readonly foreign: Map<string, { readonly shown: string; readonly findings: readonly Diagnostic[] }>;
  /** What a path is called in findings; for files that are not where the user knows them to be. */
  readonly shownAs: (path: string) => string;
  bytes: number;
}

/** Reads and parses the inputs and everything that they include. Throws TroubleError for what cannot be read. */
export async function loadFiles(
  paths: readonly string[],
  stdinName: string | null,
  io: Io,
  shownAs: (path: string) => string = (path) => path,
): Promise<LoadedFiles> {
  const found = findInputs(paths, stdinName);
  const state: State = {
    io,
    files: new Map(),
    fragments: [],
    diagnostics: [...found.diagnostics],
    met: new Set(),
    foreign: new Map(),
    shownAs,
    bytes: 0,
  };
  for (const input of found.inputs) await visit(input, [], state);
  state.diagnostics.push(...leftOut(state, found.compiled));
  const roots = new Set([...state.files.values()].map((input) => input.root));
  return {
    files: [...state.files].flatMap(([file, input]) => (state.foreign.has(input.real) ? [] : [file])),
    fragments: state.fragments,
    diagnostics: state.diagnostics,
    pathInSpec: (file) => {
      const input = state.files.get(file);
      if (input === undefined || input.real === "-" || roots.size > 1) return file.path;
      return relative(input.root, input.real).replaceAll(sep, "/");
    },
  };
}

/** Notes on what stands in the folders and is no spec. Throws TroubleError when there is nothing else. */
function leftOut(state: State, folders: readonly string[]): readonly Diagnostic[] {
  const files = [...state.foreign.values()].map(({ shown }) => state.shownAs(shown));
  const compiled = folders.map((folder) => state.shownAs(folder));
  if (files.length > 0 && files.length === state.files.size) {
    const what = files.length === 1 ? "holds" : "hold";
    throw new TroubleError(`there is no spec: ${files.slice(0, 3).join(", ")} ${what} no Kubernetes object`);
  }
  const help = "a file that is named itself is read, whatever it holds";
  return [
    ...(files.length === 0 ? [] : [diagnostic("input/left-out", { files: listed(files) }, { at: null, help })]),
    ...(compiled.length === 0
      ? []
      : [diagnostic("input/compiled-folder", { folders: listed(compiled) }, { at: null })]),
  ];
}

/** More are a number, so that the note stays a line to read. */
const mostListed = 10;

function listed(paths: readonly string[]): string {
  const rest = paths.length - mostListed;
  return `${paths.slice(0, mostListed).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

async function visit(input: InputPath, chain: readonly InputPath[], state: State): Promise<void> {
  if (state.met.has(input.real)) return readAnyway(input, state);
  state.met.add(input.real);
  const read = await readInput({ ...input, shown: state.shownAs(input.shown) }, state.io);
  state.bytes += read.bytes;
  if (state.bytes > maximumTotalBytes) throw new TroubleError("the inputs are longer than 512 MiB together");
  if (state.met.size > maximumFiles) throw new TroubleError(`the inputs are more than ${maximumFiles} files`);
  addAll(state.diagnostics, read.diagnostics);
  if (read.file === null) return;
  state.files.set(read.file, input);
  const parsed = await fragmentOf(read.file, languageOf(input.shown) ?? sniffLanguage(read.file.text));
  if (parsed.isForeign && !input.isNamed) {
    state.foreign.set(input.real, { shown: input.shown, findings: parsed.diagnostics });
    return;
  }
  state.fragments.push(parsed.fragment);
  addAll(state.diagnostics, parsed.diagnostics);
  for (const include of parsed.fragment.includes) await follow(include, [...chain, input], state);
}

/** A file that was left out as no spec, and that an include names after all. */
function readAnyway({ real, isNamed }: InputPath, { foreign, diagnostics }: State): void {
  const found = isNamed ? foreign.get(real) : undefined;
  if (found === undefined) return;
  foreign.delete(real);
  addAll(diagnostics, found.findings);
}

async function follow(include: IncludeRequest, chain: readonly InputPath[], state: State): Promise<void> {
  const from = chain.at(-1);
  if (from === undefined) return;
  const expanded = expandInclude(include, from);
  addAll(state.diagnostics, expanded.diagnostics);
  for (const target of expanded.inputs) {
    const circle = chain.findIndex((input) => input.real === target.real);
    if (circle !== -1) {
      const names = [...chain.slice(circle), target].map((input) => input.shown);
      const help = "remove one of these includes: every file of a spec sees the declarations of all others";
      state.diagnostics.push(diagnostic("input/include-cycle", { chain: names }, { at: include.origin, help }));
    } else if (chain.length > maximumIncludeDepth) {
      const details = { at: include.origin, help: "include the files from one place" };
      state.diagnostics.push(diagnostic("input/include-too-deep", { limit: maximumIncludeDepth }, details));
      return;
    } else {
      await visit(target, chain, state);
    }
  }
}

/**
 * The language of a text whose name does not tell it: JSON begins with a brace or bracket, and the top level of a YAML
 * document of Kubernetes has the keys `apiVersion` and `kind`, or is marked by `---`. Anything else is a .weir file.
 */
export function sniffLanguage(text: string): "weir" | "objects" {
  const start = text.slice(0, 64 * 1024);
  return /^\s*[{[]/.test(start) || /^(---|%YAML|apiVersion\s*:|kind\s*:)/m.test(start) ? "objects" : "weir";
}

/** Findings about what is missing, which is no news when a file could not be read to its end. */
const consequences: ReadonlySet<string> = new Set([
  "spec/unknown-service",
  "spec/unknown-port",
  "spec/unknown-node",
  "spec/no-port",
  "spec/no-address",
]);

/** Reads the inputs and checks the whole that they make. With errors among the findings, do not compile the spec. */
export async function loadSpec(
  paths: readonly string[],
  stdinName: string | null,
  io: Io,
  shownAs?: (path: string) => string,
): Promise<LoadedSpec> {
  const loaded = await loadFiles(paths, stdinName, io, shownAs);
  const checked = specOf(loaded.fragments);
  const isWhole = !hasErrors(loaded.diagnostics);
  const findings = checked.diagnostics.filter((finding) => isWhole || !consequences.has(finding.code));
  const accepted = withoutAccepted(loaded.diagnostics, checked.spec);
  return { ...loaded, spec: checked.spec, diagnostics: [...accepted, ...findings] };
}
