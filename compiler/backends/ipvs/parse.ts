import type { PerFamily } from "../../ir/ir.ts";
import { type Family, type Prefix, parsePrefix } from "../../net/address.ts";
import { parseIptables } from "../iptables/parse.ts";
import { ParseError, textOf } from "../text.ts";
import { flawInIpvs } from "./check-program.ts";
import { parseOperations } from "./parse-operations.ts";
import { parseIpset } from "./parse-sets.ts";
import { folder } from "./print.ts";
import { printVirtualServers } from "./print-servers.ts";
import type { IpvsProgram, LocalRouting, RoutingRule, Sysctl } from "./program.ts";

/** Reads what `printIpvs` wrote. Throws ParseError on anything else, also when the files disagree. */
export function parseIpvs(files: ReadonlyMap<string, string>): IpvsProgram {
  const read = (name: string) => {
    const text = files.get(`${folder}/${name}`);
    if (text === undefined) throw new ParseError(`${folder}/${name} is missing`, 1);
    return text;
  };
  const operations = parseOperations(read("ipvs.json"));
  const expected = textOf(printVirtualServers("", operations.virtualServers, operations.timeouts));
  if (read("ipvsadm.rules") !== expected) {
    throw new ParseError(`${folder}/ipvsadm.rules does not say what ipvs.json says`, 1);
  }
  const program: IpvsProgram = {
    ...operations,
    sets: parseIpset(read("ipset.rules")),
    rules: parseIptables(folder, files),
    routing: parseRouting(read("addresses.txt")),
    sysctls: parseSysctls(read("sysctl.conf")),
  };
  const flaw = flawInIpvs(program);
  if (flaw !== null) throw new ParseError(flaw, 1);
  return program;
}

const ruleForm = /^rule (ipv[46]) priority ([0-9]+) fwmark (0x[0-9a-f]{1,8})\/(0x[0-9a-f]{1,8}) table ([0-9]+)$/;

/** Reads addresses.txt: routing rules, each with the local routes of its table. Throws ParseError. */
export function parseRouting(text: string): PerFamily<LocalRouting | null> {
  const found: Record<Family, { rule: RoutingRule; prefixes: Prefix[] } | null> = { ipv4: null, ipv6: null };
  let family: Family | null = null;
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line === "") continue;
    const parts = ruleForm.exec(line);
    if (parts !== null) {
      family = parts[1] === "ipv4" ? "ipv4" : "ipv6";
      const [priority = 0, mark = 0, mask = 0, table = 0] = parts.slice(2).map(Number);
      if (found[family] !== null) throw new ParseError(`two rules for ${family}`, number);
      found[family] = { rule: { priority, mark, mask, table }, prefixes: [] };
    } else {
      const prefix = line.startsWith("local-route ") ? parsePrefix(line.slice("local-route ".length)) : null;
      if (prefix === null || !prefix.ok || family === null || prefix.value.address.family !== family) {
        throw new ParseError(`unexpected ${line}`, number);
      }
      found[family]?.prefixes.push(prefix.value);
    }
  }
  return found;
}

function parseSysctls(text: string): readonly Sysctl[] {
  const sysctls: Sysctl[] = [];
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line === "" || line.startsWith("#")) continue;
    const [, name, value] = /^([a-z0-9_.]+) = ([0-9]+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new ParseError(`unexpected ${line}`, number);
    sysctls.push({ name, value });
  }
  return sysctls;
}
