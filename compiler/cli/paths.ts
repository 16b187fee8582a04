import { readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { compareText } from "../net/order.ts";
import { languageOf } from "../pipeline.ts";
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
}

export interface FoundInputs {
  readonly inputs: readonly InputPath[];
  readonly diagnostics: readonly Diagnostic[];
}

/** How many folders deep a spec may lie; a deeper tree is a mistake, `/` for instance. */
const maximumDepth = 32;

export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/**
 * The files that the arguments name: files as they are, folders with every .weir, .yaml, .yml and .json file below
 * them, in the order of their paths; hidden entries and node_modules are left out. `-` is standard input, whose
 * includes are relative to the folder of `stdinName`. Throws TroubleError for what is missing or unreadable.
 */
export function findInputs(paths: readonly string[], stdinName: string | null): FoundInputs {
  const inputs = new Map<string, InputPath>();
  const diagnostics: Diagnostic[] = [];
  for (const path of paths) {
    const found = path === "-" ? [stdinPath(stdinName)] : inputsAt(path, diagnostics);
    for (const input of found) if (!inputs.has(input.real)) inputs.set(input.real, input);
  }
  return { inputs: [...inputs.values()], diagnostics };
}

function stdinPath(name: string | null): InputPath {
  const folder = realFolder(name === null ? "." : dirname(name));
  return { shown: name ?? "<stdin>", real: "-", root: folder, folder };
}

function realFolder(path: string): string {
  return orTrouble(`read ${path}`, () => realpathSync(path));
}

function inputsAt(path: string, diagnostics: Diagnostic[]): readonly InputPath[] {
  const stats = orTrouble(`read ${path}`, () => statSync(path));
  if (stats.isDirectory()) return inputsIn(path, diagnostics);
  // a pipe, as in `weir check <(command)`, has no folder of its own
  const folder = realFolder(stats.isFile() ? dirname(path) : ".");
  const real = stats.isFile() ? realFolder(path) : resolve(path);
  return [{ shown: join(path), real, root: folder, folder }];
}

function inputsIn(path: string, diagnostics: Diagnostic[]): readonly InputPath[] {
  const root = realFolder(path);
  const inputs: InputPath[] = [];
  const before = diagnostics.length;
  walk({ shown: path, real: root }, root, [], inputs, diagnostics);
  if (inputs.length === 0 && diagnostics.length === before) {
    throw new TroubleError(`there is no .weir, .yaml, .yml or .json file in ${path}`);
  }
  return inputs.sort((a, b) => compareText(a.shown, b.shown));
}

interface Folder {
  readonly shown: string;
  readonly real: string;
}

function walk(
  folder: Folder,
  root: string,
  above: readonly string[],
  inputs: InputPath[],
  diagnostics: Diagnostic[],
): void {
  if (above.length > maximumDepth) throw new TroubleError(`${folder.shown} is more than ${maximumDepth} folders deep`);
  for (const entry of orTrouble(`read ${folder.shown}`, () => readdirSync(folder.real, { withFileTypes: true }))) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    const shown = join(folder.shown, entry.name);
    const isSpec = languageOf(entry.name) !== null;
    if (!isSpec && !entry.isDirectory() && !entry.isSymbolicLink()) continue;
    const { real, stats } = target(join(folder.real, entry.name), shown);
    if (!stats.isDirectory() && !isSpec) continue;
    if (!isInside(root, real)) {
      diagnostics.push(
        diagnostic(
          "input/link-outside",
          { path: shown },
          { at: null, help: `put the file into the folder, or name ${shown} itself among the inputs` },
        ),
      );
    } else if (stats.isDirectory()) {
      // a link to a folder above would go round for ever; one to a folder beside shows files twice, which are read once
      if (!isInside(real, folder.real)) walk({ shown, real }, root, [...above, real], inputs, diagnostics);
    } else if (stats.isFile()) {
      inputs.push({ shown, real, root, folder: dirname(real) });
    } else {
      throw new TroubleError(`cannot read ${shown}: it is no ordinary file`);
    }
  }
}

function target(path: string, shown: string): { readonly real: string; readonly stats: Stats } {
  return orTrouble(`read ${shown}`, () => ({ real: realpathSync(path), stats: statSync(path) }));
}
