import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { Location } from "../source.ts";

/** What a spec says that Kubernetes objects cannot; each is an error, because leaving it out would change the meaning. */
export interface Refusals {
  readonly diagnostics: Diagnostic[];
}

export function cannotCarry(refusals: Refusals, what: string, at: Location | null, help?: string): void {
  refusals.diagnostics.push(
    diagnostic("kubernetes/cannot-carry", { what, target: "Kubernetes objects" }, { at, help }),
  );
}
