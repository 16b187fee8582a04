import type { Command } from "commander";
import type { BackendName } from "../../compiler/backends/backend.ts";
import { backendNames } from "../../compiler/backends/registry.ts";
import { collect } from "../../compiler/cli/commands.ts";
import { UsageError } from "../../compiler/cli/exit.ts";
import type { DesiredOptions } from "./desired.ts";

export function stateOption(command: Command): Command {
  return command.option("--state <folder>", "where weir keeps what it applied (default: /var/lib/weir)");
}

/** What to put on the node, or to compare it with, and which node that is. */
export function subjectOptions(command: Command): Command {
  return command
    .argument("[PATH...]", "an artifact's folder; or files or folders of a spec, - is standard input")
    .option("--stdin-name <path>", "name of what is read from standard input: for messages, language and includes")
    .option("--node <name>", "which node this is (default: this host's name, or the only node there is)", collect)
    .option("--node-address <list>", "addresses of the node, instead of those in the spec", collect)
    .option("--node-pods <list>", "pod ranges of the node, instead of those in the spec", collect)
    .option("--node-zone <name>", "zone of the node, instead of the one in the spec");
}

/** Throws UsageError when one of them is given without a PATH, which they are about. */
export function refuseWithoutPath(
  options: DesiredOptions & { readonly backend?: string | undefined },
  reason: string,
): void {
  const { backend, node, nodeAddress, nodePods, nodeZone, stdinName } = options;
  const given = [backend, node, nodeAddress, nodePods, nodeZone, stdinName].some((option) => option !== undefined);
  if (given) throw new UsageError(reason);
}

/** The value of `--backend`. Throws UsageError. */
export function backendNamed(text: string): BackendName {
  const backend = backendNames.find((name) => name === text);
  if (backend !== undefined) return backend;
  throw new UsageError(`--backend: there is no backend ${JSON.stringify(text)}; use ${backendNames.join(", ")}`);
}
