import type { BackendName } from "../backends/backend.ts";
import { backendNames } from "../backends/registry.ts";
import { UsageError } from "./exit.ts";
import { listOption } from "./nodes.ts";

/** The backends of `--backend`, in the order of the registry; all of them without the option. */
export function backendsOf(values: readonly string[] | undefined): readonly BackendName[] {
  const names = listOption(values ?? ["all"]);
  for (const name of names) {
    if (name !== "all" && !backendNames.some((known) => known === name)) {
      throw new UsageError(
        `--backend: there is no backend ${JSON.stringify(name)}; use ${backendNames.join(", ")} or all`,
      );
    }
  }
  if (names.length === 0) throw new UsageError(`--backend needs a name: ${backendNames.join(", ")} or all`);
  return names.includes("all") ? backendNames : backendNames.filter((name) => names.includes(name));
}
