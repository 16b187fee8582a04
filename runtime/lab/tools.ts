import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";

export interface Tool {
  readonly tool: string;
  readonly debianPackage: string;
}

/** The search path with the folders of administrators' tools, which ordinary users' paths lack on Debian. */
export function toolPath(path: string): string {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return [...folders, ...["/usr/sbin", "/sbin"].filter((folder) => !folders.includes(folder))].join(delimiter);
}

async function isInstalled(tool: string): Promise<boolean> {
  const tries = toolPath(process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => access(join(folder, tool), constants.X_OK));
  return (await Promise.allSettled(tries)).some((result) => result.status === "fulfilled");
}

export async function missingTools(tools: readonly Tool[]): Promise<readonly Tool[]> {
  const found = await Promise.all(tools.map(({ tool }) => isInstalled(tool)));
  return tools.filter((_, index) => found[index] !== true);
}

/** The line that installs what is missing. */
export function installCommand(tools: readonly Tool[]): readonly string[] {
  const packages = [...new Set(tools.map(({ debianPackage }) => debianPackage))].sort();
  return ["apt-get", "install", "--yes", "--no-install-recommends", ...packages];
}
