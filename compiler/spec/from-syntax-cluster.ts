import type { ClusterBlock, ClusterStatement, NodeBlock, NodeStatement } from "../../grammar/nodes.ts";
import type { IpAddress, Prefix } from "../net/address.ts";
import { unreachable } from "../result.ts";
import type { ClusterSetting } from "./fragment.ts";
import { addressesValue, prefixesValue } from "./from-syntax-lists.ts";
import { locate, report, type Scope } from "./from-syntax-scope.ts";
import {
  choiceValue,
  durationValue,
  nameValue,
  numberValue,
  portRangeValue,
  servicePatternValue,
  warningCodeValue,
} from "./from-syntax-values.ts";
import type { DetectorSpec, NodeSpec } from "./schema.ts";
import { schedulers } from "./words.ts";

/** A timeout of IPVS in seconds must stay below 2^31 clock ticks, with at most 1000 a second (net/netfilter/ipvs/ip_vs_ctl.c). */
const longestTimeout = 2147483;

const bitKeys = { "masquerade-bit": "masqueradeBit", "drop-bit": "dropBit", "reject-bit": "rejectBit" } as const;
const rangeKeys = { "node-port-range": "nodePortRange", "proxy-ports": "proxyPorts" } as const;
const timeoutKeys = {
  "tcp-timeout": "ipvsTcpTimeout",
  "tcp-fin-timeout": "ipvsTcpFinTimeout",
  "udp-timeout": "ipvsUdpTimeout",
} as const;

/** The settings of one cluster block, one for each line that has a value. */
export function readCluster(scope: Scope, block: ClusterBlock): readonly ClusterSetting[] {
  return block.lines.flatMap(({ statement }) => (statement === null ? [] : (readSetting(scope, statement) ?? [])));
}

function readSetting(scope: Scope, statement: ClusterStatement): ClusterSetting | null {
  const origin = locate(scope, statement);
  switch (statement.kind) {
    case "list":
    case "value":
      return statement.kind === "list" ? readList(scope, statement) : readValue(scope, statement);
    case "flag":
      return { key: statement.word === "strict-arp" ? "ipvsStrictArp" : "masqueradeAll", value: true, origin };
    case "scheduler": {
      const value = choiceValue(scope, statement.name, "scheduler", schedulers);
      return value && { key: "ipvsScheduler", value, origin };
    }
    case "local-traffic": {
      const value = readDetector(scope, statement);
      return value && { key: "detector", value, origin };
    }
    case "guard": {
      const prefixes = prefixesValue(scope, statement.prefixes);
      const services = statement.services.flatMap((leaf) => servicePatternValue(scope, leaf) ?? []);
      return { key: "guards", value: [{ prefixes, services, origin }], origin };
    }
    case "allow-warning":
      return {
        key: "allowedWarnings",
        value: statement.codes.flatMap((leaf) => warningCodeValue(scope, leaf) ?? []),
        origin,
      };
    default:
      return unreachable(statement);
  }
}

function readList(scope: Scope, statement: ClusterStatement & { kind: "list" }): ClusterSetting | null {
  const origin = locate(scope, statement);
  const [first] = statement.values;
  if (first?.kind === "keyword") {
    const kind = first.text === "primary" ? "primary" : "any";
    return { key: "nodePortAddresses", value: { kind }, origin };
  }
  const value = prefixesValue(scope, statement.values);
  switch (statement.word) {
    case "pods":
      return { key: "pods", value, origin };
    case "service-range":
      return { key: "serviceRanges", value, origin };
    case "node-port-addresses":
      return { key: "nodePortAddresses", value: { kind: "prefixes", prefixes: value }, origin };
    default:
      return { key: "ipvsExcludedRanges", value, origin };
  }
}

function readValue(scope: Scope, statement: ClusterStatement & { kind: "value" }): ClusterSetting | null {
  const { word, value: leaf } = statement;
  const origin = locate(scope, statement);
  switch (word) {
    case "masquerade-bit":
    case "drop-bit":
    case "reject-bit": {
      const value = numberValue(scope, leaf, "bit", 0, 31);
      return value === null ? null : { key: bitKeys[word], value, origin };
    }
    case "node-port-range":
    case "proxy-ports": {
      const value = portRangeValue(scope, leaf);
      return value && { key: rangeKeys[word], value, origin };
    }
    case "tcp-timeout":
    case "tcp-fin-timeout":
    case "udp-timeout": {
      const value = durationValue(scope, leaf, 0, longestTimeout);
      return value === null ? null : { key: timeoutKeys[word], value, origin };
    }
    default:
      return null;
  }
}

function readDetector(scope: Scope, statement: ClusterStatement & { kind: "local-traffic" }): DetectorSpec | null {
  const { detector, interface: leaf } = statement;
  if (leaf === null)
    return { kind: detector.text === "node-pods" || detector.text === "none" ? detector.text : "cluster-pods" };
  if (detector.text === "bridge") {
    const name = nameValue(scope, leaf, "interface", 15);
    return name === null ? null : { kind: "bridge-interface", name };
  }
  const prefix = nameValue(scope, leaf, "interface prefix", 14);
  return prefix === null ? null : { kind: "interface-prefix", prefix };
}

/** One node block; null when its name is none. */
export function readNode(scope: Scope, block: NodeBlock): NodeSpec | null {
  const name = nameValue(scope, block.name, "node");
  const addresses: IpAddress[] = [];
  const pods: Prefix[] = [];
  let zone: string | null = null;
  let zoneLine: NodeStatement | null = null;
  for (const { statement } of block.lines) {
    if (statement === null) continue;
    if (statement.kind === "value") {
      if (zoneLine !== null) {
        const notes = [{ message: "first given here", location: locate(scope, zoneLine) }];
        report(scope, statement, "syntax/repeated", { what: "`zone`" }, { notes });
      }
      zoneLine = statement;
      zone = nameValue(scope, statement.value, "zone");
    } else if (statement.word === "address") {
      for (const { address } of addressesValue(scope, statement.values)) addresses.push(address);
    } else {
      for (const prefix of prefixesValue(scope, statement.values)) pods.push(prefix);
    }
  }
  return name === null ? null : { name, zone, addresses, pods, origin: locate(scope, block) };
}
