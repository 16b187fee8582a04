import { unreachable } from "../../result.ts";
import type { ArtifactFile } from "../backend.ts";
import { TextWriter } from "../text.ts";
import { hex } from "./names.ts";
import type { IpvsProgram, RealServer, VirtualServer, VirtualServerId } from "./program.ts";

/**
 * The netlink requests that build the virtual servers, as a JSON array with one on each line, in the order in which they
 * are sent. Settings at their defaults are left out. The last is always `set-config`, so that no line ends otherwise
 * because another was added after it. `keep-range` is no request: virtual servers inside are not weir's to remove.
 */
export function printOperations(
  path: string,
  program: Pick<IpvsProgram, "keptRanges" | "virtualServers" | "timeouts">,
): ArtifactFile {
  const writer = new TextWriter();
  writer.line("[");
  for (const prefix of program.keptRanges) writer.line(`{"op":"keep-range","prefix":"${prefix.text}"},`);
  for (const server of program.virtualServers) {
    const id = printId(server.id);
    writer.line(`{"op":"new-service",${id}${printSettings(server)}},`);
    for (const real of server.realServers) writer.line(`{"op":"new-dest",${id}${printRealServer(real)}},`);
  }
  const { tcp, tcpFin, udp } = program.timeouts;
  writer.line(`{"op":"set-config","tcp":${tcp},"tcpFin":${tcpFin},"udp":${udp}}`);
  writer.line("]");
  return writer.file(path);
}

function printId(id: VirtualServerId): string {
  if (id.kind === "mark") return `"family":"${id.family}","mark":"${hex(id.mark)}"`;
  return `"protocol":"${id.protocol}","address":"${id.address.text}","port":${id.port}`;
}

function printSettings(server: VirtualServer): string {
  const { key, scheduler, schedulerFlags, persistence, onePacket } = server;
  let text = `,"key":${JSON.stringify(key)},"scheduler":"${scheduler}"`;
  if (schedulerFlags.length > 0) text += `,"schedulerFlags":${JSON.stringify(schedulerFlags)}`;
  if (persistence !== null) {
    text += `,"persistence":{"timeoutSeconds":${persistence.timeoutSeconds},"prefixLength":${persistence.prefixLength}}`;
  }
  return onePacket ? `${text},"onePacket":true` : text;
}

function printRealServer({ address, port, method, weight, upperThreshold, lowerThreshold }: RealServer): string {
  let text = `,"server":"${address.text}","serverPort":${port}${printMethod(method)},"weight":${weight}`;
  if (upperThreshold > 0) text += `,"upper":${upperThreshold}`;
  if (lowerThreshold > 0) text += `,"lower":${lowerThreshold}`;
  return text;
}

function printMethod(method: RealServer["method"]): string {
  switch (method.kind) {
    case "masq":
    case "route":
      return `,"method":"${method.kind}"`;
    case "tunnel":
      return `,"method":"tunnel","tunnel":"${method.type}"${method.port === null ? "" : `,"tunnelPort":${method.port}`}`;
    default:
      return unreachable(method);
  }
}
