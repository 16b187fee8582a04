export type Severity = "error" | "warning" | "note";

/**
 * One kind of finding. `message` is one lower-case sentence that names the offending value;
 * the code it is filed under is `stage/slug` and stays the same once released.
 */
export interface DiagnosticDefinition {
  readonly severity: Severity;
  // biome-ignore lint/suspicious/noExplicitAny: each definition types its own parameters; `diagnostic` checks them
  readonly message: (parameters: any) => string;
}
