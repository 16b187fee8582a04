import type { IptablesRuleset } from "../../compiler/backends/iptables/program.ts";
import { deltaIpvs } from "../../compiler/backends/ipvs/delta.ts";
import { withDraining } from "../../compiler/backends/ipvs/delta-draining.ts";
import { sysctlValues } from "../../compiler/backends/ipvs/names.ts";
import {
  printForeignElements,
  printRestoredElements,
  printRoutingChanges,
  printSysctlValues,
} from "../../compiler/backends/ipvs/print-delta.ts";
import type { IpvsProgram, Sysctl } from "../../compiler/backends/ipvs/program.ts";
import type { Step } from "../../compiler/backends/step.ts";
import { type Family, families } from "../../compiler/net/address.ts";
import { rulesPlane } from "./iptables.ts";
import { mayFinishIn, orNull, withoutOthers } from "./ipvs-plan.ts";
import { type IpvsSnapshot, parseRest, parseSnapshot } from "./ipvs-snapshot.ts";
import type { Observed, Snapshot } from "./plane.ts";

type Rest = Omit<IpvsSnapshot, "program">;

/**
 * Steps that put a snapshot back. What it does not have goes on with its connections until it is drained, like in any
 * other plan. A kernel setting is put back only while it has the value that weir gives it.
 */
export function restoreIpvs(now: Observed<IpvsProgram>, snapshot: Snapshot): readonly Step[] {
  const [was, is] = [parseSnapshot(snapshot), parseRest(now.snapshot)];
  const wanted = programOf(was, now.program);
  const before = withoutOthers(now.program, wanted);
  const target = before === null ? wanted : withDraining(before, wanted, mayFinishIn(wanted));
  const steps = deltaIpvs(before, target, { rules: () => restoreRules(now, is, was, target) });
  // elements of others in weir's sets
  const [gone, missing] = [without(is.foreign, was.foreign), without(was.foreign, is.foreign)];
  return [
    ...(gone.length === 0 ? [] : [printForeignElements(gone)]),
    ...steps,
    ...(missing.length === 0 ? [] : [printRestoredElements(missing)]),
    ...extraRuleSteps(is, was),
    ...sysctlSteps(is.sysctls, was.sysctls),
  ];
}

/** The program of a snapshot; of its rules only in which families there are any counts. */
function programOf({ program, ruled }: IpvsSnapshot, now: IpvsProgram | null): IpvsProgram | null {
  if (program === null) return null;
  const standIn = (family: Family): IptablesRuleset | null =>
    ruled.includes(family) ? (now?.rules[family] ?? { family, tables: [], jumps: [] }) : null;
  // settings are not what a program asks for, but what there was
  return { ...program, rules: { ipv4: standIn("ipv4"), ipv6: standIn("ipv6") }, sysctls: [] };
}

/** Families that are to have no rules, but still hold connections, get those that let these end. */
function restoreRules(now: Observed<IpvsProgram>, is: Rest, was: Rest, target: IpvsProgram | null): readonly Step[] {
  const plane = rulesPlane("ipvs");
  const rules = { program: orNull(now.program?.rules ?? null), foreign: [], snapshot: is.rules };
  const restored = plane.restore(rules, was.rules);
  const ending = families.filter((family) => !was.ruled.includes(family) && (target?.rules[family] ?? null) !== null);
  if (ending.length === 0) return restored;
  const isEnding = (step: Step) => step.kind === "iptables" && ending.includes(step.family);
  const planned = plane.plan(rules, orNull(target?.rules ?? null));
  return [...planned.filter(isEnding), ...restored.filter((step) => !isEnding(step))];
}

/** Elements that are in `these` and not in `those`. */
function without(these: IpvsSnapshot["foreign"], those: IpvsSnapshot["foreign"]): IpvsSnapshot["foreign"] {
  const text = ({ set, text: element }: IpvsSnapshot["foreign"][number]) => `${set} ${element}`;
  const known = new Set(those.map(text));
  return these.filter((element) => !known.has(text(element)));
}

function extraRuleSteps(is: Rest, was: Rest): readonly Step[] {
  const text = (extra: IpvsSnapshot["extraRules"][number]) => JSON.stringify(extra);
  const [here, there] = [new Set(is.extraRules.map(text)), new Set(was.extraRules.map(text))];
  const changes = [
    ...was.extraRules.filter((each) => !here.has(text(each))).map((each) => ({ op: "add-rule" as const, ...each })),
    ...is.extraRules.filter((each) => !there.has(text(each))).map((each) => ({ op: "delete-rule" as const, ...each })),
  ];
  return changes.length === 0 ? [] : [printRoutingChanges(changes)];
}

function sysctlSteps(is: readonly Sysctl[], was: readonly Sysctl[]): readonly Step[] {
  const values = new Map(is.map(({ name, value }) => [name, value]));
  const given = new Map<string, string>(Object.entries(sysctlValues));
  const changed = was.filter(({ name, value }) => values.get(name) !== value && values.get(name) === given.get(name));
  return changed.length === 0 ? [] : [printSysctlValues(changed)];
}
