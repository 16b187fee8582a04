import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

/** Open files that this process may have. Node.js raises the soft limit to the hard one at its start. */
export function descriptorLimit(): number {
  const [, soft = ""] = /^Max open files\s+(\d+|unlimited)/m.exec(readOr("/proc/self/limits", "")) ?? [];
  return soft === "unlimited" ? 1_048_576 : Number(soft) || 1024;
}

/** What the machine has, or the control group lets the process have, in bytes. */
export function memoryLimit(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
