import { z } from "zod";
import { visible } from "../diagnostics/visible.ts";

/** What is inside a node's folder, for `apply` to check before it trusts it. */

export const manifestFormat = 1;

/** Nothing that would move a cursor: these texts are shown to people. */
const shown = z.string().refine((text) => visible(text) === text, "not visible text");

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const backendName = z.enum(["iptables", "ipvs", "nftables", "userspace"]);

export const requirementSchema = z.readonly(
  z.strictObject({
    kind: z.enum(["kernel", "kernel-module", "tool", "sysctl", "capability"]),
    name: shown.min(1),
    value: shown.nullable(),
    neededBy: shown,
  }),
);

export const manifestSchema = z.readonly(
  z.strictObject({
    /** Of the whole folder; raised when an older weir could misread it. */
    format: z.literal(manifestFormat),
    node: shown.min(1).max(253),
    /** The node's own addresses, as the spec had them: rules do not name them all. Older folders have none. */
    addresses: z.readonly(z.array(shown.min(1).max(45))).default([]),
    /** Digest of the spec's meaning, see digest.ts. */
    spec: digest,
    /** The backends that it was compiled for, each with what the node must have. */
    requirements: z.readonly(z.partialRecord(backendName, z.readonly(z.array(requirementSchema)))),
    /** Every other file, by its path inside the node's folder. */
    files: z.readonly(
      z.record(
        z.string().regex(/^[a-z0-9-]+(\/[a-z0-9.-]+)*(\.[a-z]+)?$/),
        z.strictObject({ bytes: z.number().int().min(0), digest }),
      ),
    ),
  }),
);

export type Manifest = z.infer<typeof manifestSchema>;

/** Reads manifest.json. Throws SyntaxError or ZodError on anything else. */
export function parseManifest(text: string): Manifest {
  return manifestSchema.parse(JSON.parse(text));
}
