import { readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { compareText } from "../net/order.ts";
import { languageOf } from "../pipeline.ts";
import { filesOfCompiled, manifestName } from "./compiled-files.ts";
import { orTrouble, TroubleError } from "./exit.ts";

/** A file to read. */
export interface InputPath {
  /** As it is shown: what the user typed, and for files inside a folder what follows. */
  readonly shown: string;
  /** Absolute, without symbolic links; `-` for standard input. */
  readonly real: string;
  /** The folder that includes may not leave: absolute, without symbolic links. */
  readonly root: string;
  /** The folder that includes are relative to. */
  readonly folder: string;
  /** The user names this file, on the command line or in an include; the others were found in a folder. */
  readonly isNamed: boolean;
}

export interface FoundInputs {
  readonly inputs: readonly InputPath[];
  /** Folders of `weir compile` that were met, as they are shown: what it wrote there is no input. */
  readonly compiled: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** How many folders deep a spec may lie; a deeper tree is a mistake, `/` for instance. */
const maximumDepth = 32;

export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/**
 * The files that the arguments name: files as they are, folders with every .weir, .yaml, .yml and .json file below
 * them, in the order of their paths; hidden entries, node_modules and the files of compiled folders are left out. `-` is
 * standard input, whose includes are relative to the folder of `stdinName`. Throws TroubleError for what is missing or
 * unreadable.
 */
export function findInputs(paths: readonly string[], stdinName: string | null): FoundInputs {
  const inputs = new Map<string, InputPath>();
  const diagnostics: Diagnostic[] = [];
  const compiled: string[] = [];
  for (const path of paths) {
    const found = path === "-" ? [stdinPath(stdinName)] : inputsAt(path, diagnostics, compiled);
    for (const input of found) {
      const known = inputs.get(input.real);
      if (known === undefined) inputs.set(input.real, input);
      else if (input.isNamed) inputs.set(input.real, { ...known, isNamed: true });
    }
  }
  return { inputs: [...inputs.values()], compiled, diagnostics };
}

function stdinPath(name: string | null): InputPath {
  const folder = realFolder(name === null ? "." : dirname(name));
  return { shown: name ?? "<stdin>", real: "-", root: folder, folder, isNamed: true };
}

function realFolder(path: string): string {
  return orTrouble(`read ${path}`, () => realpathSync(path));
}

function inputsAt(path: string, diagnostics: Diagnostic[], compiled: string[]): readonly InputPath[] {
  const stats = orTrouble(`read ${path}`, () => statSync(path));
  if (stats.isDirectory()) return inputsIn(path, diagnostics, compiled);
  // a pipe, as in `weir check <(command)`, has no folder of its own
  const folder = realFolder(stats.isFile() ? dirname(path) : ".");
  const real = stats.isFile() ? realFolder(path) : resolve(path);
  return [{ shown: join(path), real, root: folder, folder, isNamed: true }];
}

function inputsIn(path: string, diagnostics: Diagnostic[], compiled: string[]): readonly InputPath[] {
  const root = realFolder(path);
  const met: Met = { root, inputs: [], diagnostics: [], compiled: [] };
  walk({ shown: path, real: root }, [], null, met);
  if (met.inputs.length === 0 && met.diagnostics.length === 0) {
    const [first] = met.compiled;
    const what = first === undefined ? "" : `; what weir compiled into ${first} is none`;
    throw new TroubleError(`there is no .weir, .yaml, .yml or .json file in ${path}${what}`);
  }
  diagnostics.push(...met.diagnostics);
  compiled.push(...met.compiled);
  return met.inputs.sort((a, b) => compareText(a.shown, b.shown));
}

/** What has been found of one folder that was given. */
interface Met {
  readonly root: string;
  readonly inputs: InputPath[];
  readonly diagnostics: Diagnostic[];
  readonly compiled: string[];
}

interface Folder {
  readonly shown: string;
  readonly real: string;
}

/** A folder of `weir compile` that the walk is in, with the paths of the files that it wrote there. */
interface CompiledAbove {
  readonly real: string;
  readonly files: ReadonlySet<string>;
}

function walk(folder: Folder, above: readonly string[], outer: CompiledAbove | null, met: Met): void {
  if (above.length > maximumDepth) throw new TroubleError(`${folder.shown} is more than ${maximumDepth} folders deep`);
  const entries = orTrouble(`read ${folder.shown}`, () => readdirSync(folder.real, { withFileTypes: true }));
  const written = entries.some(({ name }) => name === manifestName)
    ? orTrouble(`read ${folder.shown}`, () => filesOfCompiled(folder.real))
    : null;
  if (written !== null) met.compiled.push(folder.shown);
  const compiled = written === null ? outer : { real: folder.real, files: written };
  for (const entry of entries) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    const shown = join(folder.shown, entry.name);
    const isSpec = languageOf(entry.name) !== null;
    if (!isSpec && !entry.isDirectory() && !entry.isSymbolicLink()) continue;
    const { real, stats } = target(join(folder.real, entry.name), shown);
    if (!stats.isDirectory() && !isSpec) continue;
    // no more than weir wrote: what else stands there is read
    if (compiled?.files.has(relative(compiled.real, join(folder.real, entry.name))) && !stats.isDirectory()) continue;
    if (!isInside(met.root, real)) {
      met.diagnostics.push(
        diagnostic(
          "input/link-outside",
          { path: shown },
          { at: null, help: `put the file into the folder, or name ${shown} itself among the inputs` },
        ),
      );
    } else if (stats.isDirectory()) {
      // a link to a folder above would go round for ever; one to a folder beside shows files twice, which are read once
      if (!isInside(real, folder.real)) walk({ shown, real }, [...above, real], compiled, met);
    } else if (stats.isFile()) {
      met.inputs.push({ shown, real, root: met.root, folder: dirname(real), isNamed: false });
    } else {
      throw new TroubleError(`cannot read ${shown}: it is no ordinary file`);
    }
  }
}

function target(path: string, shown: string): { readonly real: string; readonly stats: Stats } {
  return orTrouble(`read ${shown}`, () => ({ real: realpathSync(path), stats: statSync(path) }));
}
