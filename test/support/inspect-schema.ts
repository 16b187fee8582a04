import { z } from "zod";

/** What `weir status --json` and `weir doctor --json` print, as docs/operations.md tells it: nothing more, nothing less. */

const backend = z.enum(["iptables", "ipvs", "nftables", "userspace"]);
const plane = z.enum(["nftables", "iptables", "ipvs"]);
const operation = z.strictObject({
  action: z.enum(["add", "replace", "delete", "load"]),
  object: z.string().min(1),
  name: z.string().min(1),
  key: z.string().nullable(),
});

export const statusSchema = z.strictObject({
  format: z.literal(1),
  state: z.enum(["in-sync", "drift", "nothing"]),
  against: z
    .strictObject({
      node: z.string(),
      backend,
      generation: z.number().int().nullable(),
      spec: z.string().startsWith("sha256:"),
      from: z.string(),
    })
    .nullable(),
  applied: z
    .strictObject({
      generation: z.number().int(),
      state: z.enum(["pending", "confirmed", "rolled-back", "failed"]),
      node: z.string(),
      backend,
      appliedAt: z.iso.datetime(),
    })
    .nullable(),
  counts: z
    .strictObject({ services: z.number().int(), frontends: z.number().int(), endpoints: z.number().int() })
    .nullable(),
  structure: z.array(z.strictObject({ object: z.string(), meaning: z.string() })),
  services: z.array(
    z.strictObject({
      service: z.string().nullable(),
      frontend: z.string(),
      problem: z.enum([
        "unserved",
        "unrefused",
        "endpoint-missing",
        "endpoint-extra",
        "lost",
        "share",
        "treatment",
        "unwanted",
      ]),
      endpoint: z.string().nullable(),
      meaning: z.string(),
    }),
  ),
  foreign: z.array(z.strictObject({ plane, place: z.string(), text: z.string() })),
  leftovers: z.array(z.strictObject({ plane, operations: z.array(operation).min(1) })),
  operations: z.array(operation),
  pending: z.strictObject({ generation: z.number().int(), secondsLeft: z.number().int().min(0).nullable() }).nullable(),
  unfinished: z
    .strictObject({
      generation: z.number().int(),
      command: z.string(),
      phase: z.string(),
      step: z.number().int(),
      steps: z.number().int(),
      isRunning: z.boolean(),
    })
    .nullable(),
  draining: z.array(z.strictObject({ plane, waiting: z.number().int().min(1), secondsLeft: z.number().int().min(0) })),
  notes: z.array(z.string()),
});

const usability = z.strictObject({ usable: z.boolean(), reason: z.string().nullable() });

export const doctorSchema = z.strictObject({
  format: z.literal(1),
  state: z.enum(["ready", "unmet"]),
  kernel: z.strictObject({
    release: z.string().min(1),
    architecture: z.string(),
    container: z.string().nullable(),
    hasIpv6: z.boolean(),
  }),
  privileges: z.strictObject({ isRoot: z.boolean(), netAdmin: z.boolean(), sysAdmin: z.boolean() }),
  backends: z.strictObject({ iptables: usability, ipvs: usability, nftables: usability, userspace: usability }),
  tools: z.record(z.string(), z.strictObject({ path: z.string().nullable(), version: z.string().nullable() })),
  settings: z.record(z.string(), z.string().nullable()),
  flavours: z
    .strictObject({
      system: z.enum(["nft", "legacy"]).nullable(),
      inUse: z.array(z.enum(["nft", "legacy"])),
      warnings: z.array(z.string()),
    })
    .nullable(),
  managers: z.array(z.strictObject({ name: z.string(), seenBy: z.array(z.string()).min(1), isRunning: z.boolean() })),
  listeners: z.array(
    z.strictObject({
      family: z.enum(["ipv4", "ipv6"]),
      protocol: z.enum(["tcp", "udp"]),
      address: z.string(),
      port: z.number().int(),
    }),
  ),
  marks: z.array(
    z.strictObject({
      field: z.enum(["packet", "connection"]),
      action: z.enum(["set", "match"]),
      ones: z.number().int().min(0),
      zeros: z.number().int().min(0),
      place: z.string(),
      hook: z.enum(["before", "routing", "other"]),
      isKubernetes: z.boolean(),
      text: z.string(),
    }),
  ),
  subject: z.strictObject({ node: z.string(), backend, from: z.string() }).nullable(),
  findings: z.array(
    z.strictObject({
      severity: z.enum(["error", "warning"]),
      code: z.string().regex(/^(requirement|conflict)\/[a-z0-9-]+$/),
      what: z.string().min(1),
      why: z.string().nullable(),
      help: z.string().nullable(),
      services: z.array(z.string()),
    }),
  ),
  unseen: z.array(z.string()),
});
