import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const mostEntries = 20_000;

/**
 * A text that is another one when any of these files or folders has changed: size, time and number of each entry. Links are
 * followed, so that a folder whose link is turned to another one, as Kubernetes does with its volumes, has changed.
 */
export function inputsSignature(paths: readonly string[]): string {
  const parts: string[] = [];
  const waiting = [...paths];
  for (let path = waiting.pop(); path !== undefined && parts.length < mostEntries; path = waiting.pop()) {
    const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
    if (stats === undefined) parts.push(`${path} gone`);
    else if (!stats.isDirectory()) parts.push(`${path} ${stats.ino} ${stats.size} ${stats.mtimeNs}`);
    else {
      for (const name of readdirSync(path).sort().reverse()) {
        if (!name.startsWith(".") && name !== "node_modules") waiting.push(join(path, name));
      }
    }
  }
  return parts.join("\n");
}
