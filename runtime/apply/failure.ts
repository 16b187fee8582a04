import type { Operation } from "../../compiler/backends/step.ts";
import { HostError } from "../host/error.ts";
import { StateError } from "../state/error.ts";

/** Why a change did not come to its end, for people and for JSON. */
export interface Failure {
  readonly message: string;
  readonly help: string | null;
  /** What was being done, from 1; null when no step was at fault. */
  readonly step: number | null;
  /** What differed when the kernel was read back. */
  readonly differences: readonly Operation[];
}

/** A change that was stopped from outside. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** The kernel does not hold what was put into it. */
export class Differs extends Error {
  override readonly name = "Differs";
  readonly differences: readonly Operation[];

  constructor(message: string, differences: readonly Operation[]) {
    super(message);
    this.differences = differences;
  }
}

/** What went wrong in a step. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
  /** From 1. */
  readonly step: number;

  constructor(step: number, cause: unknown) {
    super(`step ${step} failed`, { cause });
    this.step = step;
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof StepFailed) return { ...failureOf(error.cause), step: error.step };
  const base = { help: null, step: null, differences: [] };
  if (error instanceof HostError) return { ...base, message: error.message, help: error.help };
  if (error instanceof Differs) return { ...base, message: error.message, differences: error.differences };
  if (error instanceof StateError || error instanceof Stopped) return { ...base, message: error.message };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { ...base, message: `this is a bug in weir; please report it with the input that shows it\n${text}` };
}
