import { addressWidth, type Family, type IpAddress, parseAddress } from "../../net/address.ts";
import { type Protocol, parsePort, protocols } from "../../net/port.ts";
import {
  type AddressType,
  conntrackStates,
  conntrackStatuses,
  type IptablesMatch,
  type IptablesProtocol,
  type IptablesRule,
  type IptablesTarget,
  type RecentMatch,
  type RejectWith,
} from "./program.ts";
import { RuleReader } from "./rule-reader.ts";

const rejects: readonly RejectWith[] = ["icmp-port-unreachable", "icmp6-port-unreachable", "tcp-reset"];
const addressTypes: readonly AddressType[] = ["UNICAST", "LOCAL", "BROADCAST", "MULTICAST"];
const ruleProtocols: readonly IptablesProtocol[] = [...protocols, "icmp", "ipv6-icmp"];

const directions = ["ORIGINAL", "REPLY"] as const;
const methods = ["GATE", "IPIP", "MASQ"] as const;

/** Protocol numbers as `--vproto` is listed. */
const protocolNumbers: Readonly<Record<string, Protocol>> = { 6: "tcp", 17: "udp", 132: "sctp" };

/** Reads one rule from its words, beginning after command and chain. Throws ParseError on what weir never writes. */
export function parseRuleWords(words: readonly string[], start: number, family: Family, line: number): IptablesRule {
  const reader = new RuleReader(words, start, family, line);
  const matches: IptablesMatch[] = [];
  for (;;) {
    if (reader.takes("-j")) return ended(reader, { matches, target: parseTarget(reader) });
    if (reader.takes("-g")) return ended(reader, { matches, target: { kind: "goto", chain: reader.next() } });
    matches.push(reader.takes("-m") ? parseExtension(reader) : parseBasic(reader));
  }
}

function ended(reader: RuleReader, rule: IptablesRule): IptablesRule {
  if (reader.at < reader.words.length) reader.fail(`unexpected ${reader.next()} after the target`);
  return rule;
}

function parseBasic(reader: RuleReader): IptablesMatch {
  const negated = reader.takes("!");
  const option = reader.next();
  switch (option) {
    case "-s":
      return { kind: "source", prefix: reader.prefix(), negated };
    case "-d":
      return { kind: "destination", prefix: reader.prefix(), negated };
    case "-i":
      return { kind: "input-interface", name: reader.next(), negated };
    case "-o":
      return { kind: "output-interface", name: reader.next(), negated };
    case "-p":
      return { kind: "protocol", protocol: reader.oneOf(ruleProtocols), negated };
    default:
      return reader.fail(`unknown option ${option}`);
  }
}

function parseExtension(reader: RuleReader): IptablesMatch {
  const name = reader.next();
  if (name === "recent") return parseRecent(reader);
  if (name === "ipvs") return parseIpvs(reader);
  if (name === "comment") {
    reader.expect("--comment");
    return { kind: "comment", text: reader.next() };
  }
  if (name === "statistic") {
    for (const word of ["--mode", "random", "--probability"]) reader.expect(word);
    return { kind: "statistic", threshold: Math.round(reader.number(/^0\.[0-9]{11}$/) * 2 ** 31) };
  }
  const negated = reader.takes("!");
  switch (name) {
    case "tcp":
    case "udp":
    case "sctp": {
      const kind = reader.oneOf(["--sport", "--dport"]) === "--sport" ? "source-port" : "destination-port";
      return { kind, protocol: name, ports: reader.ports(), negated };
    }
    case "mark":
      reader.expect("--mark");
      return { kind: "mark", ...reader.mark(), negated };
    case "connmark":
      reader.expect("--mark");
      return { kind: "ct-mark", ...reader.mark(), negated };
    case "addrtype": {
      const side = reader.oneOf(["--src-type", "--dst-type"]) === "--src-type" ? "source" : "destination";
      return { kind: "address-type", side, type: reader.oneOf(addressTypes), negated };
    }
    case "conntrack":
      return parseConntrack(reader, negated);
    case "set":
      reader.expect("--match-set");
      return { kind: "set", name: reader.next(), directions: reader.listOf(["src", "dst"]), negated };
    default:
      return reader.fail(`unknown match ${name}`);
  }
}

function parseConntrack(reader: RuleReader, negated: boolean): IptablesMatch {
  const option = reader.next();
  switch (option) {
    case "--ctstate":
      return { kind: "ct-state", states: reader.listOf(conntrackStates), negated };
    case "--ctstatus":
      return { kind: "ct-status", statuses: reader.listOf(conntrackStatuses), negated };
    case "--ctdir":
      return { kind: "ct-direction", direction: reader.oneOf(directions) };
    case "--ctorigdst":
      return { kind: "ct-original-destination", prefix: reader.prefix(), negated };
    case "--ctorigdstport":
      return { kind: "ct-original-port", port: reader.port(), negated };
    default:
      return reader.fail(`unknown option ${option}`);
  }
}

function parseRecent(reader: RuleReader): RecentMatch {
  const option = reader.oneOf(["--set", "--rcheck", "--update", "--remove"]);
  const action =
    option === "--set" ? "set" : option === "--rcheck" ? "rcheck" : option === "--update" ? "update" : "remove";
  const seconds = reader.takes("--seconds") ? reader.number() : null;
  const reap = reader.takes("--reap");
  reader.expect("--name");
  const list = reader.next();
  reader.expect("--mask");
  const mask = reader.address();
  reader.expect("--rsource");
  return { kind: "recent", action, list, seconds, reap, mask };
}

function parseIpvs(reader: RuleReader): IptablesMatch {
  const none = { protocol: null, address: null, port: null, direction: null, method: null };
  const negated = reader.takes("!");
  if (reader.takes("--ipvs")) return { kind: "ipvs", negated, ...none };
  if (negated) return reader.fail("only --ipvs can be negated");
  return {
    kind: "ipvs",
    negated,
    protocol: reader.takes("--vproto") ? parseIpvsProtocol(reader) : null,
    address: reader.takes("--vaddr") ? reader.ofFamily(hostOf(reader)) : null,
    port: reader.takes("--vport") ? reader.port() : null,
    direction: reader.takes("--vdir") ? reader.oneOf(directions) : null,
    method: reader.takes("--vmethod") ? reader.oneOf(methods) : null,
  };
}

function parseIpvsProtocol(reader: RuleReader): Protocol {
  const word = reader.next();
  return protocols.find((name) => name === word) ?? protocolNumbers[word] ?? reader.fail(`unexpected protocol ${word}`);
}

function hostOf(reader: RuleReader): IpAddress {
  const prefix = reader.prefix();
  if (prefix.length !== addressWidth(reader.family)) reader.fail(`${prefix.text} is not one address`);
  return prefix.address;
}

function parseTarget(reader: RuleReader): IptablesTarget {
  const name = reader.next();
  switch (name) {
    case "ACCEPT":
      return { kind: "accept" };
    case "DROP":
      return { kind: "drop" };
    case "RETURN":
      return { kind: "return" };
    case "REJECT":
      reader.expect("--reject-with");
      return { kind: "reject", with: reader.oneOf(rejects) };
    case "DNAT":
      reader.expect("--to-destination");
      return parseDnat(reader);
    case "REDIRECT":
      reader.expect("--to-ports");
      return { kind: "redirect", port: reader.port() };
    case "MASQUERADE":
      return { kind: "masquerade", fullyRandom: reader.takes("--random-fully") };
    case "MARK":
      reader.expect("--set-xmark");
      return { kind: "mark", ...reader.mark() };
    case "CONNMARK":
      reader.expect("--set-xmark");
      return { kind: "ct-mark", ...reader.mark() };
    case "SET": {
      reader.expect("--map-set");
      const target = {
        kind: "map-set" as const,
        name: reader.next(),
        directions: reader.listOf(["src", "dst"] as const),
      };
      reader.expect("--map-mark");
      return target;
    }
    default:
      return { kind: "jump", chain: name };
  }
}

function parseDnat(reader: RuleReader): IptablesTarget {
  const word = reader.next();
  const parts = (reader.family === "ipv4" ? /^([0-9.]+):([0-9]+)$/ : /^\[([0-9a-f:]+)\]:([0-9]+)$/).exec(word);
  if (parts === null) return reader.fail(`${word} is no address with a port`);
  const address = reader.ofFamily(reader.value(parseAddress(parts[1] ?? "")));
  return { kind: "dnat", address, port: reader.value(parsePort(parts[2] ?? "")) };
}
