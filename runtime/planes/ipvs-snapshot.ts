import { z } from "zod";
import { parseRouting } from "../../compiler/backends/ipvs/parse.ts";
import { parseOperations } from "../../compiler/backends/ipvs/parse-operations.ts";
import type { ForeignElement } from "../../compiler/backends/ipvs/parse-set-listing.ts";
import { parseIpset } from "../../compiler/backends/ipvs/parse-sets.ts";
import { printRouting } from "../../compiler/backends/ipvs/print.ts";
import { printOperations } from "../../compiler/backends/ipvs/print-operations.ts";
import { printIpset } from "../../compiler/backends/ipvs/print-sets.ts";
import type { IpvsProgram, RoutingRule, Sysctl } from "../../compiler/backends/ipvs/program.ts";
import { textOf } from "../../compiler/backends/text.ts";
import type { Family } from "../../compiler/net/address.ts";
import type { Snapshot } from "./plane.ts";

/** Rules that lead to weir's routing table beside the one that the program has. */
export interface ExtraRule {
  readonly family: Family;
  readonly rule: RoutingRule;
}

/** What a snapshot of IPVS holds. */
export interface IpvsSnapshot {
  /** Without rules, which have a snapshot of their own; null when nothing was there. */
  readonly program: Omit<IpvsProgram, "rules"> | null;
  /** Families with chains of weir's. */
  readonly ruled: readonly Family[];
  readonly rules: Snapshot;
  readonly foreign: readonly ForeignElement[];
  readonly extraRules: readonly ExtraRule[];
  /** Values of all settings that weir may change. */
  readonly sysctls: readonly Sysctl[];
}

const rulesPrefix = "rules/";

/** As texts: those of an artifact for what a program can say, JSON for the rest. */
export function printSnapshot({ program, ruled, rules, foreign, extraRules, sysctls }: IpvsSnapshot): Snapshot {
  const own =
    program === null
      ? {}
      : {
          "ipvs.json": textOf(printOperations("", program)),
          "ipset.rules": textOf(printIpset("", program.sets)),
          "addresses.txt": textOf(printRouting("", program.routing)),
        };
  const rest = {
    ruled,
    foreign,
    extraRules,
    sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])),
  };
  return {
    ...own,
    "rest.json": JSON.stringify(rest),
    ...Object.fromEntries(Object.entries(rules).map(([name, text]) => [`${rulesPrefix}${name}`, text])),
  };
}

/** Reads what `printSnapshot` made. Throws ParseError or InternalError on anything else; an empty one is nothing. */
export function parseSnapshot(snapshot: Snapshot): IpvsSnapshot {
  const rest = parseRest(snapshot);
  const { "ipvs.json": operations, "ipset.rules": sets, "addresses.txt": routing } = snapshot;
  const program =
    operations === undefined
      ? null
      : {
          ...parseOperations(operations),
          sets: parseIpset(sets ?? ""),
          routing: parseRouting(routing ?? ""),
          sysctls: rest.sysctls,
        };
  return { program, ...rest };
}

/** All but the program, which takes its time. */
export function parseRest(snapshot: Snapshot): Omit<IpvsSnapshot, "program"> {
  const rules = Object.entries(snapshot).flatMap(([name, text]) =>
    name.startsWith(rulesPrefix) ? [[name.slice(rulesPrefix.length), text] as const] : [],
  );
  return { ...readRest(snapshot["rest.json"] ?? "{}"), rules: Object.fromEntries(rules) };
}

/** The rules in a snapshot, as a snapshot: they are as many for one service as for all. */
export function snapshotOfRules(snapshot: Snapshot): Snapshot {
  return Object.fromEntries(Object.entries(snapshot).filter(([name]) => name.startsWith(rulesPrefix)));
}

const family = z.enum(["ipv4", "ipv6"]);
const whole = z.number().int().min(0);

const restSchema = z.object({
  ruled: z.array(family).default([]),
  foreign: z.array(z.object({ set: z.string(), element: z.string(), text: z.string() })).default([]),
  extraRules: z
    .array(z.object({ family, rule: z.object({ priority: whole, mark: whole, mask: whole, table: whole }) }))
    .default([]),
  sysctls: z.record(z.string(), z.string()).default({}),
});

function readRest(text: string): Pick<IpvsSnapshot, "ruled" | "foreign" | "extraRules" | "sysctls"> {
  const { sysctls, ...rest } = restSchema.parse(JSON.parse(text));
  return { ...rest, sysctls: Object.entries(sysctls).map(([name, value]) => ({ name, value })) };
}
