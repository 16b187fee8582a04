import type { Context } from "../../compiler/cli/context.ts";
import { TroubleError } from "../../compiler/cli/exit.ts";
import { knownArtifacts, type Site } from "../apply/site.ts";
import type { Desired } from "../desired/desired.ts";
import { programOf } from "../desired/programs.ts";
import type { Finding } from "../preflight/finding.ts";
import { withoutRoutingOf } from "../preflight/own-routing.ts";
import { preflight, preflightKey } from "../preflight/preflight.ts";
import { nodeProbe } from "./node-probe.ts";
import { warn } from "./say.ts";
import { withHelp } from "./trouble.ts";

/**
 * Looks at the node before anything is changed. Warnings are shown, and given to `note`; an error ends the apply with
 * TroubleError and the kernel as it was. A node that carries an artifact with the same key already is not looked at
 * again: that is some twenty processes for each changed endpoint. Gives the key.
 */
export async function preflightNode(
  context: Context,
  site: Site,
  desired: Desired,
  known: string | null,
  note: (text: string) => void,
): Promise<string> {
  const requirements = desired.manifest.requirements[desired.backend] ?? [];
  const program = await programOf(desired);
  const key = preflightKey(requirements, program);
  if (key === known) return key;
  await site.progress("looking at the node");
  const probe = await nodeProbe();
  const applied = await Promise.all(knownArtifacts(site.state).map(programOf));
  const foreign = withoutRoutingOf(probe.foreign, applied);
  const findings = await preflight(site.host, { ...probe, foreign }, requirements, program);
  await site.progress("");
  const errors = findings.filter(({ severity }) => severity === "error").map(textOf);
  for (const text of findings.filter(({ severity }) => severity === "warning").map(textOf)) {
    note(text);
    await warn(context, text);
  }
  if (errors.length > 0) throw new TroubleError(errors.join("\nerror: "));
  return key;
}

function textOf({ what, why, help, services }: Finding): string {
  const few = services.slice(0, 3).join(", ") + (services.length > 3 ? ` and ${services.length - 3} more` : "");
  const reason = why === null ? "" : `: ${why}`;
  return withHelp(`${what}${reason}${services.length === 0 ? "" : ` (${few})`}`, help);
}
