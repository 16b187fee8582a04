import type { Backend } from "../backend.ts";
import { forwardingRequirements, iptablesRequirements } from "./capabilities.ts";
import { lowerIptables } from "./lower.ts";
import { namedChains } from "./named-chains.ts";
import { parseIptables } from "./parse.ts";
import { printIptables } from "./print.ts";
import type { IptablesProgram } from "./program.ts";

const folder = "iptables";

export const iptablesBackend: Backend<IptablesProgram> = {
  name: "iptables",
  lower: lowerIptables,
  print: (program) => printIptables(folder, program),
  parse: (files) => parseIptables(folder, files),
  requirements: (program) => [
    ...iptablesRequirements(program, "iptables rules"),
    ...forwardingRequirements(program, "iptables rules"),
  ],
  names: namedChains,
};
