import type { Backend } from "../backend.ts";
import { reduceFiles } from "../common-lines.ts";
import { forwardingRequirements, iptablesRequirements } from "./capabilities.ts";
import { deltaIptables } from "./delta.ts";
import { lowerIptables } from "./lower.ts";
import { namedChains } from "./named-chains.ts";
import { mainScope, strangerInRules } from "./own.ts";
import { parseIptables } from "./parse.ts";
import { printIptables } from "./print.ts";
import type { IptablesProgram } from "./program.ts";
import { withoutUnchangedChains } from "./unchanged.ts";

const folder = "iptables";

export const iptablesBackend: Backend<IptablesProgram> = {
  name: "iptables",
  lower: lowerIptables,
  print: (program) => printIptables(folder, program),
  parse: (files) => parseIptables(folder, files),
  delta: (before, after) => deltaIptables(before, after),
  withoutUnchanged: (before, after) =>
    reduceFiles([`${folder}/ipv4.rules`, `${folder}/ipv6.rules`], before, after, withoutUnchangedChains),
  requirements: (program) => [
    ...iptablesRequirements(program, "iptables rules"),
    ...forwardingRequirements(program, "iptables rules"),
  ],
  names: namedChains,
  stranger: (program) => strangerInRules(program, mainScope),
};
