import { hasErrors } from "../../compiler/diagnostics/diagnostic.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { fragmentOf, irOf, specOf } from "../../compiler/pipeline.ts";
import type { Spec } from "../../compiler/spec/schema.ts";
import { type SpecBlocks, textOfBlocks } from "./arbitraries.ts";

/** Reads a text that has no errors. */
export async function readText(text: string): Promise<Spec> {
  const { fragment, diagnostics } = await fragmentOf({ path: "random.weir", text });
  const checked = specOf([fragment]);
  const findings = [...diagnostics, ...checked.diagnostics];
  if (hasErrors(findings)) throw new Error(`${findings.map((finding) => finding.message).join("\n")}\n${text}`);
  return checked.spec;
}

/** The first node's view of a random spec. */
export async function readBlocks(blocks: SpecBlocks): Promise<NodeIr> {
  return irOf(await readText(textOfBlocks(blocks)), "worker-1").ir;
}

/** A value without the places where its parts stand, which are not what they mean. */
export function withoutPlaces(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item: unknown) => {
      if (key === "origin" || key === "settingOrigins") return undefined;
      return typeof item === "bigint" ? item.toString() : item;
    }),
  );
}
