import { addressWidth, compareAddresses, type Family, type IpAddress, parseAddress } from "../../net/address.ts";
import { compareNumbers } from "../../net/order.ts";
import { type Port, type Protocol, parsePort } from "../../net/port.ts";
import { schedulerFlags, schedulers } from "../../spec/words.ts";
import { ParseError } from "../text.ts";
import { printId } from "./print-servers.ts";
import type { ForwardingMethod, IpvsTimeouts, RealServer, VirtualServer, VirtualServerId } from "./program.ts";

export interface ServerListing {
  /** Without service keys, which neither ipvsadm nor the kernel knows. */
  readonly virtualServers: readonly VirtualServer[];
  readonly timeouts: IpvsTimeouts;
}

/**
 * Reads what `printVirtualServers` wrote, or the listing of `ipvsadm --save --numeric`. The listing has real servers in
 * another order, which they are brought into, lists marks as signed numbers, and leaves thresholds out.
 * Throws ParseError on what weir never writes.
 */
export function parseVirtualServers(text: string): ServerListing {
  const servers = new Map<string, { server: Omit<VirtualServer, "realServers">; realServers: RealServer[] }>();
  let timeouts: IpvsTimeouts = { tcp: 0, tcpFin: 0, udp: 0 };
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line === "") continue;
    const reader: OptionReader = { words: line.trimEnd().split(" "), at: 1, line: number };
    const command = reader.words[0];
    if (command === "--set") {
      const [tcp, tcpFin, udp] = [next(reader), next(reader), next(reader)].map((word) => count(word, reader));
      timeouts = { tcp: tcp ?? 0, tcpFin: tcpFin ?? 0, udp: udp ?? 0 };
    } else if (command === "-A") {
      const server = parseServer(reader);
      if (servers.has(printId(server.id))) throw new ParseError(`${printId(server.id)} is added twice`, number);
      servers.set(printId(server.id), { server, realServers: [] });
    } else if (command === "-a") {
      const id = parseId(reader);
      const entry = servers.get(printId(id));
      if (entry === undefined) throw new ParseError(`${printId(id)} is not added`, number);
      entry.realServers.push(parseRealServer(reader));
    } else throw new ParseError(`unknown command ${command}`, number);
  }
  const virtualServers = [...servers.values()].map(({ server, realServers }) => ({
    ...server,
    realServers: [...realServers].sort(compareRealServers),
  }));
  return { virtualServers, timeouts };
}

function compareRealServers(a: RealServer, b: RealServer): number {
  return compareAddresses(a.address, b.address) || compareNumbers(a.port, b.port);
}

interface OptionReader {
  readonly words: readonly string[];
  at: number;
  readonly line: number;
}

function next(reader: OptionReader): string {
  const word = reader.words[reader.at];
  if (word === undefined) throw new ParseError("the line ends too early", reader.line);
  reader.at++;
  return word;
}

function count(word: string, reader: OptionReader): number {
  if (!/^[0-9]{1,10}$/.test(word)) throw new ParseError(`${word} is no number`, reader.line);
  return Number(word);
}

const protocolOf: Readonly<Record<string, Protocol>> = { "-t": "tcp", "-u": "udp", "--sctp-service": "sctp" };

function parseId(reader: OptionReader): VirtualServerId {
  const option = next(reader);
  if (option === "-f") {
    const word = next(reader);
    if (!/^-?[0-9]{1,10}$/.test(word)) throw new ParseError(`${word} is no mark`, reader.line);
    const isIpv6 = reader.words[reader.at] === "-6";
    if (isIpv6) reader.at++;
    return { kind: "mark", family: isIpv6 ? "ipv6" : "ipv4", mark: Number(word) >>> 0 };
  }
  const protocol = protocolOf[option];
  if (protocol === undefined) throw new ParseError(`unknown option ${option}`, reader.line);
  return { kind: "address", protocol, ...parseSocket(reader) };
}

function parseSocket(reader: OptionReader): { readonly address: IpAddress; readonly port: Port } {
  const word = next(reader);
  const parts = /^(?:\[([0-9a-f:]+)\]|([0-9.]+)):([0-9]+)$/.exec(word);
  const address = parseAddress(parts?.[1] ?? parts?.[2] ?? "");
  const port = parsePort(parts?.[3] ?? "");
  if (!address.ok || !port.ok) throw new ParseError(`${word} is no address with a port`, reader.line);
  return { address: address.value, port: port.value };
}

function parseServer(reader: OptionReader): Omit<VirtualServer, "realServers"> {
  const id = parseId(reader);
  const family = id.kind === "mark" ? id.family : id.address.family;
  let scheduler: VirtualServer["scheduler"] = "wrr";
  let flags: VirtualServer["schedulerFlags"] = [];
  let timeoutSeconds: number | null = null;
  let prefixLength: number = addressWidth(family);
  let onePacket = false;
  while (reader.at < reader.words.length) {
    const option = next(reader);
    if (option === "-s") scheduler = oneOf(schedulers, next(reader), reader);
    else if (option === "-p") timeoutSeconds = count(next(reader), reader);
    else if (option === "-M") prefixLength = parseMask(next(reader), family, reader);
    else if (option === "-o") onePacket = true;
    else if (option === "-b") flags = parseFlags(next(reader), scheduler, reader);
    else throw new ParseError(`unknown option ${option}`, reader.line);
  }
  const persistence = timeoutSeconds === null ? null : { timeoutSeconds, prefixLength };
  return { id, key: null, scheduler, schedulerFlags: flags, persistence, onePacket };
}

function oneOf<T extends string>(words: readonly T[], word: string, reader: OptionReader): T {
  const found = words.find((each) => each === word);
  if (found === undefined) throw new ParseError(`unexpected ${word}`, reader.line);
  return found;
}

function parseFlags(text: string, scheduler: string, reader: OptionReader): VirtualServer["schedulerFlags"] {
  const words = text
    .split(",")
    .map((word) => (word.startsWith(`${scheduler}-`) ? word.slice(scheduler.length + 1) : ""));
  const unknown = words.find((word) => !schedulerFlags.some((flag) => flag === word));
  if (unknown !== undefined) throw new ParseError(`unexpected flags ${text}`, reader.line);
  return schedulerFlags.filter((flag) => words.includes(flag));
}

/** A mask of IPv4 has its set bits first. */
function parseMask(word: string, family: Family, reader: OptionReader): number {
  if (family === "ipv6") return count(word, reader);
  const address = parseAddress(word);
  const bits = address.ok && address.value.family === "ipv4" ? address.value.bits.toString(2).padStart(32, "0") : "";
  if (!/^1*0*$/.test(bits) || bits === "") throw new ParseError(`${word} is no mask`, reader.line);
  return bits.lastIndexOf("1") + 1;
}

function parseRealServer(reader: OptionReader): RealServer {
  if (next(reader) !== "-r") throw new ParseError("expected -r", reader.line);
  const socket = parseSocket(reader);
  let method: "masq" | "route" | "tunnel" = "route";
  let type: "ipip" | "gue" | "gre" = "ipip";
  let tunnelPort: Port | null = null;
  const numbers = { "-w": 1, "-x": 0, "-y": 0 };
  while (reader.at < reader.words.length) {
    const option = next(reader);
    if (option === "-m") method = "masq";
    else if (option === "-g") method = "route";
    else if (option === "-i") method = "tunnel";
    else if (option === "-w" || option === "-x" || option === "-y") numbers[option] = count(next(reader), reader);
    else if (option === "--tun-type") type = oneOf(["ipip", "gue", "gre"] as const, next(reader), reader);
    else if (option === "--tun-port") tunnelPort = count(next(reader), reader);
    else if (option !== "--tun-nocsum") throw new ParseError(`unknown option ${option}`, reader.line);
  }
  const forwarding: ForwardingMethod =
    method === "tunnel" ? { kind: method, type, port: tunnelPort } : { kind: method };
  const { "-w": weight, "-x": upperThreshold, "-y": lowerThreshold } = numbers;
  return { ...socket, method: forwarding, weight, upperThreshold, lowerThreshold };
}
