import { compareText } from "../../net/order.ts";
import type { Backend, NamedObject } from "../backend.ts";
import { iptablesRequirements } from "../iptables/capabilities.ts";
import { deltaIptables } from "../iptables/delta.ts";
import { namedChains } from "../iptables/named-chains.ts";
import { mainScope, strangerInRules } from "../iptables/own.ts";
import { lowerUserspace } from "./lower.ts";
import { parseUserspace } from "./parse.ts";
import { printUserspace } from "./print.ts";
import type { ProxyProgram } from "./program.ts";

const folder = "userspace";

export const userspaceBackend: Backend<ProxyProgram> = {
  name: "userspace",
  lower: lowerUserspace,
  print: (program) => printUserspace(folder, program),
  parse: (files) => parseUserspace(folder, files),
  // what the proxy listens on is the proxy's to change
  delta: (before, after) => deltaIptables(before?.rules ?? null, after?.rules ?? null),
  requirements: (program) => iptablesRequirements(program.rules, "rules into the proxy"),
  names,
  stranger: ({ rules }) => strangerInRules(rules, mainScope),
};

function names({ table, rules }: ProxyProgram): readonly NamedObject[] {
  const listeners = table.listeners.map(({ name, key }) => ({ name, key }));
  return [...namedChains(rules), ...listeners].sort((a, b) => compareText(a.name, b.name));
}
