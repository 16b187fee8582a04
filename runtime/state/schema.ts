import { z } from "zod";

/** Everything that weir keeps about a node, as it stands in the files of the state folder. */

const format = z.literal(1);
const backendName = z.enum(["iptables", "ipvs", "nftables", "userspace"]);
const planeName = z.enum(["nftables", "iptables", "ipvs"]);
const number = z.number().int().min(1);

const processSchema = z.readonly(z.strictObject({ pid: z.number().int(), startTime: z.string().nullable() }));

/**
 * `pending`: being applied, or waiting for `weir confirm`. `confirmed`: applied, read back, and to be kept.
 * `rolled-back`: the state before it was restored. `failed`: it never was whole in the kernel.
 */
export const generationStates = ["pending", "confirmed", "rolled-back", "failed"] as const;

/** The reason of a generation that somebody has rolled back. */
export const byHand = "weir rollback";

/** One apply. */
export const recordSchema = z.readonly(
  z.strictObject({
    format,
    generation: number,
    state: z.enum(generationStates),
    node: z.string(),
    backend: backendName,
    /** Digest of the spec. */
    spec: z.string(),
    /** What was given on the command line. */
    from: z.string(),
    /** ISO 8601. */
    startedAt: z.string(),
    /** When the state was entered. */
    changedAt: z.string(),
    /** The generation that was current before; null when nothing was. */
    previous: number.nullable(),
    /** The boot and network namespace that it was applied to. */
    incarnation: z.string(),
    /** With --confirm: how long to wait, and until when on the clock of the boot; null until the wait begins. */
    confirm: z.readonly(z.strictObject({ seconds: z.number(), deadline: z.number().nullable() })).nullable(),
    /** What preflight depended on when it found no obstacle; null when the node was not looked at. */
    preflight: z.string().nullable(),
    /** Why it was rolled back or has failed. */
    reason: z.string().nullable(),
  }),
);

export type GenerationRecord = z.infer<typeof recordSchema>;
export type GenerationState = GenerationRecord["state"];

/** What is in the kernel, as far as weir knows. */
export const currentSchema = z.readonly(
  z.strictObject({
    format,
    /** null: nothing is applied, or it was cleaned up. */
    generation: number.nullable(),
    incarnation: z.string(),
    /** Of each plane whose kernel has such a thing: its token after the last change was read back. */
    tokens: z.readonly(z.partialRecord(planeName, z.string())),
    /** Planes that held nothing of weir's when all were read last. */
    empty: z.readonly(z.array(planeName)).optional(),
    /** What planes with a token know of the node besides. */
    facts: z.readonly(z.partialRecord(planeName, z.readonly(z.record(z.string(), z.string())))).optional(),
  }),
);

export type Current = z.infer<typeof currentSchema>;

/**
 * How far a change is. `prepared`: everything for going back is on disk, nothing is changed. `broken`: going back did
 * not succeed wholly. Unfinished are all but `done`.
 */
export const phases = ["prepared", "changing", "verifying", "restoring", "broken", "done"] as const;

export const journalSchema = z.readonly(
  z.strictObject({
    format,
    command: z.string(),
    generation: number,
    phase: z.enum(phases),
    /** How many steps were begun, and how many there are. */
    step: z.number().int().min(0),
    steps: z.number().int().min(0),
    owner: processSchema,
    incarnation: z.string(),
  }),
);

export type Journal = z.infer<typeof journalSchema>;

/** What stays in the kernel for its connections only. */
export const drainingSchema = z.readonly(
  z.strictObject({
    format,
    planes: z.readonly(
      z.partialRecord(
        planeName,
        z.readonly(
          z.strictObject({
            /** How many objects wait. */
            waiting: z.number().int().min(0),
            /** Milliseconds on the clock of the boot. */
            deadline: z.number(),
            /** Generations whose objects may be among them. */
            leaving: z.readonly(z.array(number)),
          }),
        ),
      ),
    ),
    incarnation: z.string(),
  }),
);

export type Draining = z.infer<typeof drainingSchema>;

/** Who holds the lock. */
export const holderSchema = z.readonly(
  z.strictObject({ process: processSchema, command: z.string(), since: z.string() }),
);

export type Holder = z.infer<typeof holderSchema>;

/** A plane's raw listings before a change. */
export const snapshotSchema = z.readonly(z.record(z.string(), z.string()));
