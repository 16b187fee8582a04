import type { Backend } from "../backend.ts";
import { namesOf, requirementsOf } from "./capabilities.ts";
import { deltaIpvs } from "./delta.ts";
import { lowerIpvs } from "./lower.ts";
import { strangerInIpvs } from "./own.ts";
import { parseIpvs } from "./parse.ts";
import { printIpvs } from "./print.ts";
import type { IpvsProgram } from "./program.ts";

/** IPVS with ipset and a fixed set of iptables rules. */
export const ipvsBackend: Backend<IpvsProgram> = {
  name: "ipvs",
  lower: lowerIpvs,
  print: printIpvs,
  parse: parseIpvs,
  delta: (before, after) => deltaIpvs(before, after),
  requirements: requirementsOf,
  names: namesOf,
  stranger: strangerInIpvs,
};
