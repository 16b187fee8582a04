import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "../kubernetes/records.ts";

/**
 * What tells a folder of `weir compile` from any other, for those who look through folders. Nothing here trusts such a
 * folder, or checks it: that is node-folder.ts, which loads more than a short command wants.
 */

export const manifestName = "manifest.json";

export const mostManifestBytes = 4 * 1024 * 1024;

/** Many things are called manifest.json, Kubernetes objects among them. One that is damaged counts as weir's. */
export function hasManifest(folder: string): boolean {
  const text = manifestText(folder);
  if (text === null) return false;
  const content = jsonOf(text);
  return content === undefined ? !text.includes("apiVersion") : isRecord(content) && Object.hasOwn(content, "format");
}

/** The .json files that `weir compile` wrote into a folder, by their paths in it; null for any other folder. */
export function filesOfCompiled(folder: string): ReadonlySet<string> | null {
  const content = jsonOf(manifestText(folder) ?? "");
  if (!isRecord(content) || typeof content.format !== "number" || typeof content.node !== "string") return null;
  if (!isRecord(content.files)) return null;
  // a manifest that was made to hide a spec can hide no file of another kind
  return new Set([manifestName, ...Object.keys(content.files).filter((name) => name.endsWith(".json"))]);
}

/** null for what is no ordinary file, or too long for a manifest of weir. */
function manifestText(folder: string): string | null {
  const path = join(folder, manifestName);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) return null;
  return stats.size > mostManifestBytes ? null : readFileSync(path, "utf8");
}

/** Undefined for what is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
