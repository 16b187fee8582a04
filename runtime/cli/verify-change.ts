import type { Context } from "../../compiler/cli/context.ts";
import { counted, remark } from "../../compiler/cli/context.ts";
import type { NodeIr } from "../../compiler/index.ts";
import { describeDifference } from "../../compiler/verify/describe.ts";
import { verifyProgram } from "../../compiler/verify/verify.ts";
import { operationsOf, type PlannedStep } from "../apply/plan.ts";
import type { Desired } from "../desired/desired.ts";
import { programOf } from "../desired/programs.ts";

/** The rules that would be applied do not do what the spec says. Nothing is changed yet. */
export class VerifyError extends Error {
  override readonly name = "VerifyError";
}

/** So many service ports are verified in a second or two; more are left to `weir verify`, which CI runs. */
const mostPorts = 200;
/** Boundaries are looked for in the whole program: a larger one takes longer than the apply itself. */
const mostFrontends = 5_000;

/**
 * Holds the rules of the service ports that a change touches against the meaning of the spec. What touches all (a first
 * load, a rule that serves all) is about every port. Throws VerifyError.
 */
export async function verifyChange(
  context: Context,
  ir: NodeIr,
  desired: Desired,
  planned: readonly PlannedStep[],
): Promise<void> {
  const keys = touchedKeys(ir, planned);
  const frontends = ir.frontends.ipv4.length + ir.frontends.ipv6.length;
  if (keys.size > mostPorts || frontends > mostFrontends) {
    const what = `${counted(keys.size, "service port")} of ${counted(frontends, "frontend")} in all`;
    return remark(
      context,
      `the change touches ${what}, which is not verified here: weir verify, or weir compile --verify`,
    );
  }
  const { program } = await programOf(desired);
  const { differing, differences } = await verifyProgram(ir, desired.backend, program, { keys });
  if (differing === 0) return;
  const shown = differences.slice(0, 3).map(describeDifference).join("\n");
  throw new VerifyError(
    `the rules do not do what the spec says, for ${counted(differing, "kind")} of packets: the kernel is as it was\n${shown}\n` +
      "  = help: this is a bug in weir; weir verify shows all of it",
  );
}

function touchedKeys(ir: NodeIr, planned: readonly PlannedStep[]): ReadonlySet<string> {
  const named = operationsOf(planned.filter(({ step }) => step.kind !== "flows")).map(({ key }) => key);
  const all = ir.services.flatMap(({ frontends }) => frontends.map(({ key }) => key));
  return new Set(named.includes(null) ? all : named.flatMap((key) => key ?? []));
}
