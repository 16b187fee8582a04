import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import { positionOf, type SourceFile } from "../../compiler/source.ts";
import type { SpecFragment } from "../../compiler/spec/fragment.ts";
import { fragmentFromText } from "../../compiler/spec/from-syntax.ts";

export function weirFile(text: string): SourceFile {
  return { path: "test.weir", text };
}

/** A finding as one line: `2:3 syntax/port [70000] message`. */
export function briefly(finding: Diagnostic): string {
  const { location } = finding;
  if (location === null) return `${finding.code} ${finding.message}`;
  const { line, column } = positionOf(location.file, location.start);
  const marked = location.file.text.slice(location.start, location.end);
  return `${line}:${column} ${finding.code} [${marked}] ${finding.message}`;
}

export function findingsIn(text: string): readonly string[] {
  return fragmentFromText(weirFile(text)).diagnostics.map(briefly);
}

/** The fragment of a text that must be without findings. */
export function fragmentOf(text: string): SpecFragment {
  const { fragment, diagnostics } = fragmentFromText(weirFile(text));
  if (diagnostics.length > 0) throw new Error(diagnostics.map(briefly).join("\n"));
  return fragment;
}

/** What a fragment says, without places: equal for texts that mean the same. */
export function meaningOf(fragment: SpecFragment): string {
  return JSON.stringify(fragment, (key, value: unknown) => {
    if (key === "origin" || key === "settingOrigins") return undefined;
    return typeof value === "bigint" ? value.toString() : value;
  });
}
