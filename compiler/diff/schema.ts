import { z } from "zod";

/** The JSON of `weir diff --format json`: what docs/review.md describes, and what tests hold it to. */

const served = z.strictObject({
  verdict: z.enum(["endpoints", "reject", "drop", "pass"]),
  masquerade: z.boolean(),
  /** `share` is null where the scheduler looks at load or hashes. */
  endpoints: z.array(
    z.strictObject({ place: z.string(), share: z.number().min(0).max(1).nullable(), weight: z.number() }),
  ),
});

const setting = z.strictObject({ setting: z.string(), before: z.string().nullable(), after: z.string().nullable() });
const change = z.enum(["added", "removed", "changed"]);
const concern = z.strictObject({ kind: z.enum(["exposure", "notice"]), what: z.string() });
/** `nodes` is null where it is about every node that changes, or about none. */
const placedConcern = concern.extend({ nodes: z.array(z.string()).min(1).nullable() });

const frontend = z.strictObject({
  change,
  key: z.string(),
  places: z.array(z.string()).min(1),
  kinds: z.array(z.enum(["cluster", "external", "load-balancer", "node-port"])).min(1),
  clients: z.array(
    z.strictObject({ clients: z.array(z.enum(["pod", "node", "outside"])).min(1), before: served, after: served }),
  ),
  sourceRanges: z
    .strictObject({
      before: z.array(z.string()).nullable(),
      after: z.array(z.string()).nullable(),
      letIn: z.array(z.string()),
      keptOut: z.array(z.string()),
    })
    .nullable(),
  settings: z.array(setting),
  leaving: z.array(z.strictObject({ place: z.string(), drained: z.boolean() })),
  protocols: z.array(z.enum(["tcp", "udp", "sctp"])),
  declared: z.string(),
});

const cost = z.strictObject({
  backend: z.enum(["iptables", "ipvs", "nftables", "userspace"]),
  unable: z.string().nullable(),
  operations: z.number().int().min(0),
  linesAdded: z.number().int().min(0),
  linesRemoved: z.number().int().min(0),
  rulesBefore: z.number().int().nullable(),
  rulesAfter: z.number().int().nullable(),
  confirmed: z.number().int().min(0),
});

export const diffDocumentSchema = z.strictObject({
  format: z.literal(1),
  old: z.string(),
  new: z.string(),
  compared: z.enum(["meaning", "programs"]),
  same: z.boolean(),
  exposure: z.boolean(),
  nodeCount: z.number().int().min(0),
  concerns: z.array(placedConcern),
  settings: z.array(setting),
  nodes: z.array(
    z.strictObject({
      nodes: z.array(z.string()).min(1),
      change,
      concerns: z.array(concern),
      settings: z.array(setting),
      services: z.array(
        z.strictObject({ change, name: z.string(), frontends: z.array(frontend), settings: z.array(setting) }),
      ),
      touched: z.array(z.string()),
      costs: z.array(cost),
      /** How many of the nodes had their programs followed; `confirmed` counts the packets of all of them. */
      followed: z.number().int().min(0),
    }),
  ),
});

export type DiffDocument = z.infer<typeof diffDocumentSchema>;
