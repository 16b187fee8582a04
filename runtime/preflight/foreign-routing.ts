import { z } from "zod";
import type { Family } from "../../compiler/net/address.ts";
import type { MarkUse, RoutingUse } from "./foreign.ts";

/** `ip -json rule show`; older tools leave out `fwmask` when it is all bits. */
const ruleSchema = z.object({
  priority: z.number(),
  table: z.string().optional(),
  fwmark: z.string().optional(),
  fwmask: z.string().optional(),
});

/** Policy routing rules from `ip -json rule show`; those without a mark and of the system's own tables included. */
export function routingRules(json: string, family: Family): readonly RoutingUse[] {
  const rules = z.array(ruleSchema).parse(json.trim() === "" ? [] : JSON.parse(json));
  return rules.map(({ priority, table, fwmark, fwmask }) => {
    const mark = fwmark === undefined ? null : Number(fwmark);
    const mask = fwmark === undefined ? null : fwmask === undefined ? 0xffffffff : Number(fwmask);
    const marked = fwmark === undefined ? "" : ` fwmark ${fwmark}${fwmask === undefined ? "" : `/${fwmask}`}`;
    const text = `${priority}:${marked} lookup ${table ?? "none"} (${family})`;
    return { family, priority, table: table ?? "", mark, mask, text };
  });
}

/** What routing rules ask of marks. */
export function marksOfRules(rules: readonly RoutingUse[]): readonly MarkUse[] {
  return rules.flatMap(({ mark, mask, priority, family, text }) =>
    mark === null || mask === null
      ? []
      : [
          {
            field: "packet" as const,
            action: "match" as const,
            ones: (mark & mask) >>> 0,
            zeros: (mask & ~mark) >>> 0,
            place: `routing rule ${priority} (${family})`,
            hook: "routing" as const,
            isKubernetes: false,
            text,
          },
        ],
  );
}
