import { families } from "../../net/address.ts";
import { assert } from "../../result.ts";
import type { ArtifactFile } from "../backend.ts";
import { printIptables } from "../iptables/print.ts";
import { TextWriter } from "../text.ts";
import { hex } from "./names.ts";
import { printOperations } from "./print-operations.ts";
import { printVirtualServers } from "./print-servers.ts";
import { printIpset } from "./print-sets.ts";
import type { IpvsProgram } from "./program.ts";

export const folder = "ipvs";

/** All files of the program. A family in which nothing is served or refused has no rules, sets, servers or routes. */
export function printIpvs(program: IpvsProgram): readonly ArtifactFile[] {
  return [
    printOperations(`${folder}/ipvs.json`, program),
    printVirtualServers(`${folder}/ipvsadm.rules`, program.virtualServers, program.timeouts),
    printIpset(`${folder}/ipset.rules`, program.sets),
    ...printIptables(folder, program.rules),
    printRouting(`${folder}/addresses.txt`, program.routing),
    printSysctls(`${folder}/sysctl.conf`, program),
  ];
}

/** Routing rules, each followed by the local routes of its table. */
export function printRouting(path: string, routings: IpvsProgram["routing"]): ArtifactFile {
  const writer = new TextWriter();
  for (const family of families) {
    const routing = routings[family];
    if (routing === null) continue;
    const { priority, mark, mask, table } = routing.rule;
    writer.line(`rule ${family} priority ${priority} fwmark ${hex(mark)}/${hex(mask)} table ${table}`);
    for (const prefix of routing.prefixes) {
      assert(prefix.address.family === family, `${prefix.text} is routed in another family`);
      writer.line(`local-route ${prefix.text}`);
    }
  }
  return writer.file(path);
}

/** For `sysctl -p`; the module ip_vs must be loaded before. */
function printSysctls(path: string, program: IpvsProgram): ArtifactFile {
  const writer = new TextWriter();
  if (program.sysctls.length > 0) writer.line(reuseNote);
  for (const { name, value } of program.sysctls) {
    assert(/^[a-z0-9_.]+$/.test(name) && /^[0-9]+$/.test(value), `sysctl ${name} = ${value}`);
    writer.line(`${name} = ${value}`);
  }
  return writer.file(path);
}

/** Kernels of that age delay or drop connections whose ports a client uses again (fixed in 5.9). */
const reuseNote = "# kernels from 4.1 to 5.8 also need net.ipv4.vs.conn_reuse_mode = 0";
