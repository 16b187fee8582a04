import { resolveNode } from "../../compiler/ir/resolve.ts";
import type { Spec } from "../../compiler/spec/schema.ts";
import { node } from "./spec.ts";

/** What every node makes of a spec, one that nothing describes included, and what it expects; without places. */
export function meaningOf(spec: Spec): unknown {
  const nodes = [...spec.nodes, node({ name: "elsewhere", addresses: [], pods: [] })];
  const meanings = nodes.map((item) => [item.name, resolveNode(spec, item).ir]);
  return JSON.parse(
    JSON.stringify({ nodes: Object.fromEntries(meanings), expects: spec.expects }, (key, value: unknown) => {
      if (key === "origin" || key === "settingOrigins") return undefined;
      return typeof value === "bigint" ? value.toString() : value;
    }),
  );
}
