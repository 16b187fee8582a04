import { TroubleError } from "../../compiler/cli/exit.ts";
import type { Failure } from "../apply/failure.ts";
import { HostError } from "../host/error.ts";
import { StateError } from "../state/error.ts";

/** Runs the work of a command; what the node or the state folder refuses is trouble, with what to do about it. */
export async function orNodeTrouble<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StateError) throw new TroubleError(error.message);
    if (error instanceof HostError) throw new TroubleError(withHelp(error.message, error.help));
    throw error;
  }
}

export function withHelp(message: string, help: string | null): string {
  return help === null ? message : `${message}\n  = help: ${help}`;
}

/** A failure as it stands on standard error, after `error: `. */
export function failureText(failure: Failure): string {
  const step = failure.step === null ? "" : `step ${failure.step}: `;
  const differences = failure.differences
    .slice(0, 20)
    .map(({ action, object, name }) => `\n  needs ${action} ${object} ${name}`);
  const more = failure.differences.length > 20 ? `\n  and ${failure.differences.length - 20} more` : "";
  return withHelp(`${step}${failure.message}${differences.join("")}${more}`, failure.help);
}
