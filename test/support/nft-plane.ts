import { lowerNftables } from "../../compiler/backends/nftables/lower.ts";
import type { NftProgram } from "../../compiler/backends/nftables/program.ts";
import type { Step } from "../../compiler/backends/step.ts";
import { irOf } from "../../compiler/index.ts";
import { nftExecutor } from "../../runtime/execute/nft.ts";
import type { Host } from "../../runtime/host/host.ts";
import { nftablesPlane } from "../../runtime/planes/nftables.ts";
import type { Observed } from "../../runtime/planes/plane.ts";
import { readText } from "./random-specs.ts";

/** The tables of a spec's text for worker-1. */
export async function tablesOf(text: string): Promise<NftProgram> {
  return lowerNftables(irOf(await readText(text), "worker-1").ir).program;
}

/** A program that holds nothing is what nothing is. */
export function orNothing(program: NftProgram | null): NftProgram | null {
  return program === null || program.tables.length === 0 ? null : program;
}

export function observeNow(host: Host): Promise<Observed<NftProgram>> {
  return nftablesPlane.observe(host, { known: [] });
}

/** Carries out the transactions of some steps, asking nft first. */
export async function carryOut(host: Host, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.kind !== "nft") continue;
    await nftExecutor.check(host, step);
    await nftExecutor.execute(host, step);
  }
}

/** Plans from what is there and carries the plan out. Returns its steps. */
export async function applyTo(host: Host, after: NftProgram | null): Promise<readonly Step[]> {
  const steps = nftablesPlane.plan(await observeNow(host), after);
  await carryOut(host, steps);
  return steps;
}

export async function restoreTo(host: Host, wanted: Observed<NftProgram>): Promise<readonly Step[]> {
  const steps = nftablesPlane.restore(await observeNow(host), wanted.snapshot);
  await carryOut(host, steps);
  return steps;
}

/** `delete element ip weir pool 10.96.0.10 . tcp . 80 . 5700:0 : 10.244.1.5 . 8080 (shop/web:http)` */
export function described(steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step) =>
    step.operations.map(
      ({ action, object, name, key }) => `${action} ${object} ${name}${key === null ? "" : ` (${key})`}`,
    ),
  );
}

export function inputOf(steps: readonly Step[]): string {
  return steps.map((step) => (step.kind === "nft" ? step.input.join("") : "")).join("");
}
