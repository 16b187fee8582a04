/** The public API: everything up to the artifact, pure and without privileges. */
export type { ArtifactFile, Backend, BackendName, NamedObject, Requirement } from "./backends/backend.ts";
export type { Choice, Outcome, Packet } from "./backends/packet.ts";
export { backendNames, loadBackend } from "./backends/registry.ts";
export { textOf } from "./backends/text.ts";
export type { Diagnostic } from "./diagnostics/diagnostic.ts";
export { hasErrors, sortDiagnostics } from "./diagnostics/diagnostic.ts";
export { decide, sourceClassOf } from "./ir/decide.ts";
export type { IrEndpoint, IrFrontend, IrPool, IrRoute, NodeIr } from "./ir/ir.ts";
export type {
  BackendArtifact,
  IrResult,
  NodeOverrides,
  ReadResult,
  SpecResult,
} from "./pipeline.ts";
export { compileBackend, fragmentOf, irOf, languageOf, specOf } from "./pipeline.ts";
export type { Location, SourceFile } from "./source.ts";
export type { SpecFragment } from "./spec/fragment.ts";
export type { Spec } from "./spec/schema.ts";
