import { realpathSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { languageOf } from "../pipeline.ts";
import { formatPlace } from "../source.ts";
import type { IncludeRequest } from "../spec/fragment.ts";
import { orTrouble } from "./exit.ts";
import { expandGlob, isWildcard } from "./glob.ts";
import { type InputPath, isInside } from "./paths.ts";

/** Chains of includes; people use two or three. */
export const maximumIncludeDepth = 16;

export interface Expanded {
  readonly inputs: readonly InputPath[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The files that one include names, relative to the including file. A pattern may climb with `..`, but neither it nor
 * a symbolic link leads out of the root of the spec: what a stranger's spec includes would be shown in diagnostics.
 */
export function expandInclude(include: IncludeRequest, from: InputPath): Expanded {
  const { pattern } = include;
  if (leadsOutside(pattern, from)) return outside(include);
  const shownFolder = dirname(from.shown);
  const doing = `read what the include at ${formatPlace(include.origin)} names`;
  const matches = orTrouble(doing, () => expandGlob(from.folder, normalize(pattern)));
  const inputs: InputPath[] = [];
  for (const match of matches) {
    if (languageOf(match) === null) continue;
    const real = orTrouble(doing, () => realpathSync(join(from.folder, match)));
    if (!isInside(from.root, real)) return outside(include);
    // `include "*.weir"` means the others; a file that names itself goes round in a circle
    if (real === from.real && isWildcard(pattern)) continue;
    inputs.push({ shown: join(shownFolder, match), real, root: from.root, folder: dirname(real), isNamed: true });
  }
  if (inputs.length > 0) return { inputs, diagnostics: [] };
  const isOther = matches.some((match) => languageOf(match) === null);
  const help = isOther
    ? "what it matches is no spec: weir reads .weir, .yaml, .yml and .json files"
    : `the pattern is relative to the folder ${shownFolder === "." ? "that weir is started in" : shownFolder}`;
  return { inputs, diagnostics: [diagnostic("input/include-unmatched", { pattern }, { at: include.origin, help })] };
}

function outside(include: IncludeRequest): Expanded {
  const help = "includes stay inside the folder that weir is given, or that the given file is in";
  const { pattern, origin } = include;
  return { inputs: [], diagnostics: [diagnostic("input/include-outside", { pattern }, { at: origin, help })] };
}

/** By the pattern itself, or because the folder that it begins with is a link. What it matches is tested one by one. */
function leadsOutside(pattern: string, from: InputPath): boolean {
  if (pattern.startsWith("/")) return true;
  const parts = pattern.split("/");
  const wild = parts.findIndex(isWildcard);
  // climbing after a wildcard would make what is looked at depend on what there is
  if (wild !== -1 && parts.slice(wild).includes("..")) return true;
  const fixed = resolve(from.folder, ...(wild === -1 ? parts : parts.slice(0, wild)));
  return !isInside(from.root, nearestReal(fixed));
}

/** Where a path leads, as far as it exists: a link out of the root tells nothing of what is there, or is not. */
function nearestReal(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return nearestReal(dirname(path));
  }
}
