import type { DiagnosticDefinition } from "../definition.ts";

/** Findings in files before they are parsed: encoding, symbolic links, includes. */
export const inputCodes = {
  "input/binary": {
    severity: "error",
    message: (p: { path: string }) => `${p.path} holds a zero byte, so it is no text file`,
  },
  "input/not-utf8": {
    severity: "error",
    message: (p: { path: string; byte: number }) => `${p.path} is not UTF-8 at byte ${p.byte}`,
  },
  "input/link-outside": {
    severity: "error",
    message: (p: { path: string }) => `${p.path} is a symbolic link out of the folder that was given`,
  },
  "input/left-out": {
    severity: "note",
    message: (p: { files: string }) => `left out, because no Kubernetes object is in it: ${p.files}`,
  },
  "input/compiled-folder": {
    severity: "note",
    message: (p: { folders: string }) => `left out, because weir compiled it: ${p.folders}`,
  },
  "input/include-unmatched": {
    severity: "error",
    message: (p: { pattern: string }) => `no file matches include ${JSON.stringify(p.pattern)}`,
  },
  "input/include-outside": {
    severity: "error",
    message: (p: { pattern: string }) => `include ${JSON.stringify(p.pattern)} leads out of the root of the spec`,
  },
  "input/include-cycle": {
    severity: "error",
    message: (p: { chain: readonly string[] }) => `includes go round in a circle: ${p.chain.join(" -> ")}`,
  },
  "input/include-too-deep": {
    severity: "error",
    message: (p: { limit: number }) => `includes are nested more than ${p.limit} deep`,
  },
} as const satisfies Record<string, DiagnosticDefinition>;
