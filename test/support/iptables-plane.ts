import { lowerIptables } from "../../compiler/backends/iptables/lower.ts";
import type { IptablesProgram } from "../../compiler/backends/iptables/program.ts";
import type { IptablesFlavour, Step } from "../../compiler/backends/step.ts";
import { lowerUserspace } from "../../compiler/backends/userspace/lower.ts";
import { irOf } from "../../compiler/index.ts";
import { families } from "../../compiler/net/address.ts";
import { iptablesExecutor } from "../../runtime/execute/iptables.ts";
import type { Host } from "../../runtime/host/host.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import type { Observed, Plane } from "../../runtime/planes/plane.ts";
import { readText } from "./random-specs.ts";

/** The rules of a spec's text for worker-1, as both backends that use them make them. */
export async function rulesOf(text: string): Promise<{ iptables: IptablesProgram; userspace: IptablesProgram }> {
  const { ir } = irOf(await readText(text), "worker-1");
  return { iptables: lowerIptables(ir).program, userspace: lowerUserspace(ir).program.rules };
}

/** A program that holds nothing is what nothing is. */
export function orNothing(program: IptablesProgram): IptablesProgram | null {
  return program.ipv4 === null && program.ipv6 === null ? null : program;
}

export interface PlaneUse {
  readonly host: Host;
  readonly plane: Plane<IptablesProgram>;
}

export async function observeNow({ host, plane }: PlaneUse, known: readonly IptablesProgram[] = []) {
  return plane.observe(host, { known });
}

/** Carries out the restores of some steps, asking the tool first. */
export async function carryOut({ host }: PlaneUse, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.kind !== "iptables") continue;
    await iptablesExecutor.check(host, step);
    await iptablesExecutor.execute(host, step);
  }
}

/** Plans from what is there and carries the plan out. Returns its steps. */
export async function applyTo(use: PlaneUse, after: IptablesProgram | null): Promise<readonly Step[]> {
  const steps = use.plane.plan(await observeNow(use), after);
  await carryOut(use, steps);
  return steps;
}

export async function restoreTo(use: PlaneUse, wanted: Observed<IptablesProgram>): Promise<readonly Step[]> {
  const steps = use.plane.restore(await observeNow(use), wanted.snapshot);
  await carryOut(use, steps);
  return steps;
}

/** Both families' listings, without what changes by itself. */
export async function listingOf(node: Agent, flavour: IptablesFlavour): Promise<string> {
  const texts: string[] = [];
  for (const family of families) {
    const text = await node.run([`${family === "ipv4" ? "iptables" : "ip6tables"}-${flavour}-save`]);
    texts.push(text.replace(/^#.*\n/gm, "").replace(/\[\d+:\d+\]/g, "[0:0]"));
  }
  return texts.join("");
}
