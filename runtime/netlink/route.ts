import type { RoutingRule } from "../../compiler/backends/ipvs/program.ts";
import type { RoutingChange } from "../../compiler/backends/step.ts";
import { addressFromBits, comparePrefixes, type Family, type Prefix, prefixOf } from "../../compiler/net/address.ts";
import { compareNumbers } from "../../compiler/net/order.ts";
import { unreachable } from "../../compiler/result.ts";
import type { Host } from "../host/host.ts";
import { type Attributes, addressOf, textOf, typesOf, u32Of } from "./attributes.ts";
import { connectNetlink } from "./connect.ts";
import { hostErrorFromNetlink, hostErrorOf } from "./errno.ts";
import {
  attributesOf,
  encodeMessage,
  type Frame,
  familyNumbers,
  messageFlags,
  type NetlinkMessage,
  payloadOf,
  protocols,
} from "./message.ts";
import { dump, mostInFlight, type Netlink } from "./netlink.ts";

/**
 * Policy routing: rules that lead marked packets to a table, and local routes in that table.
 * Source: include/uapi/linux/fib_rules.h, rtnetlink.h.
 */

/** RTM_* */
const types = { newRoute: 24, deleteRoute: 25, getRoute: 26, newRule: 32, deleteRule: 33, getRule: 34 } as const;
/** FRA_* */
const ruleAttributes = { input: 3, priority: 6, mark: 10, table: 15, mask: 16, output: 17 } as const;
/** FRA_* that say nothing about which packets the rule is for: suppression, padding, who made it. */
const harmlessRuleAttributes: ReadonlySet<number> = new Set([6, 10, 13, 14, 15, 16, 18, 21]);
/** RTA_* */
const routeAttributes = { destination: 1, output: 4, table: 15 } as const;

/** FR_ACT_TO_TBL */
const toTable = 1;
/** FIB_RULE_INVERT */
const inverted = 2;
/** RTN_LOCAL */
const localRoute = 2;
/** RTPROT_BOOT, as ip(8) marks what an administrator adds. */
const byHand = 3;
/** RT_SCOPE_HOST, RT_SCOPE_NOWHERE: the latter matches any when deleting. */
const scopes = { host: 254, nowhere: 255 } as const;
/** The index of `lo` is the same in every network namespace. */
const loopback = 1;

/** What is in a routing table of one family and leads to it. */
export interface FamilyRouting {
  /** Rules by mark alone that lead to the table, by priority; the kernel may hold the same one twice. */
  readonly rules: readonly RoutingRule[];
  /** Local routes on `lo`. */
  readonly prefixes: readonly Prefix[];
  /** Others in the table or to it: `rule of priority 7`, `route to 10.0.0.0/8`. */
  readonly unusual: readonly string[];
}

/** Reads one table. All routes of the machine are listed for it. Throws HostError. */
export async function readRouting(host: Host, table: number): Promise<Readonly<Record<Family, FamilyRouting>>> {
  return withNetlink(host, async (netlink) => ({
    ipv4: await readFamily(netlink, "ipv4", table),
    ipv6: await readFamily(netlink, "ipv6", table),
  }));
}

async function withNetlink<T>(host: Host, work: (netlink: Netlink) => Promise<T>): Promise<T> {
  const netlink = await connectNetlink(host, protocols.route);
  try {
    return await work(netlink);
  } catch (error) {
    throw hostErrorFromNetlink(error);
  } finally {
    netlink.close();
  }
}

async function readFamily(netlink: Netlink, family: Family, table: number): Promise<FamilyRouting> {
  try {
    const rules = await dump(netlink, encodeDump(types.getRule, family), "list routing rules", (message) =>
      decodeRule(message, family, table),
    );
    const routes = await dump(netlink, encodeDump(types.getRoute, family), "list routes", (message) =>
      decodeRoute(message, family, table),
    );
    return {
      rules: rules
        .flatMap(({ rule }) => rule ?? [])
        .sort((a, b) => compareNumbers(a.priority, b.priority) || compareNumbers(a.mark, b.mark)),
      prefixes: routes.flatMap(({ prefix }) => prefix ?? []).sort(comparePrefixes),
      unusual: [...rules, ...routes].flatMap(({ unusual }) => unusual ?? []),
    };
  } catch (error) {
    // a kernel without IPv6, or without rules for it, holds nothing of it
    if (family === "ipv6" && error instanceof Error && "errno" in error && isWithout(error.errno)) {
      return { rules: [], prefixes: [], unusual: [] };
    }
    throw error;
  }
}

function isWithout(errno: unknown): boolean {
  return errno === "EAFNOSUPPORT" || errno === "EOPNOTSUPP" || errno === "EPROTONOSUPPORT";
}

function encodeDump(type: number, family: Family): Frame {
  return encodeMessage(type, messageFlags.dump, (writer) => {
    // family, and the rest of struct rtmsg
    writer.header32(familyNumbers[family]);
    writer.header32(0);
    writer.header32(0);
  });
}

/** struct fib_rule_hdr: family, two lengths, tos, table, two reserved, action; u32 flags. */
const ruleHeaderBytes = 12;

/** A kernel without IPv6 answers with what it has of other families. */
function isOf(family: Family, payload: Buffer, headerBytes: number): boolean {
  return payload.length >= headerBytes && payload.readUInt8(0) === familyNumbers[family];
}

interface FoundRule {
  readonly rule: RoutingRule | null;
  readonly unusual: string | null;
}

function decodeRule(message: NetlinkMessage, family: Family, table: number): FoundRule | null {
  const payload = payloadOf(message);
  if (message.type !== types.newRule || !isOf(family, payload, ruleHeaderBytes)) return null;
  const attributes = attributesOf(message, ruleHeaderBytes);
  if (payload.readUInt8(7) !== toTable || tableOf(attributes, ruleAttributes.table, payload.readUInt8(4)) !== table) {
    return null;
  }
  const priority = u32Of(attributes, ruleAttributes.priority) ?? 0;
  const mark = u32Of(attributes, ruleAttributes.mark);
  const hasMore =
    payload.readUInt8(1) + payload.readUInt8(2) + payload.readUInt8(3) !== 0 ||
    (payload.readUInt32LE(8) & inverted) !== 0 ||
    typesOf(attributes).some((key) => !harmlessRuleAttributes.has(key)) ||
    [ruleAttributes.input, ruleAttributes.output].some((key) => textOf(attributes, key) !== null);
  if (mark === null || hasMore) return { rule: null, unusual: `rule of priority ${priority}` };
  return { rule: { priority, mark, mask: u32Of(attributes, ruleAttributes.mask) ?? 0xffffffff, table }, unusual: null };
}

/** The number in the header has eight bits; the attribute is there when it does not fit. */
function tableOf(attributes: Attributes, type: number, header: number): number {
  return u32Of(attributes, type) ?? header;
}

/** struct rtmsg: family, two lengths, tos, table, protocol, scope, type; u32 flags. */
const routeHeaderBytes = 12;

interface FoundRoute {
  readonly prefix: Prefix | null;
  readonly unusual: string | null;
}

function decodeRoute(message: NetlinkMessage, family: Family, table: number): FoundRoute | null {
  const payload = payloadOf(message);
  if (message.type !== types.newRoute || !isOf(family, payload, routeHeaderBytes)) return null;
  const attributes = attributesOf(message, routeHeaderBytes);
  if (tableOf(attributes, routeAttributes.table, payload.readUInt8(4)) !== table) return null;
  const destination = addressOf(attributes, routeAttributes.destination, family) ?? addressFromBits(family, 0n);
  const prefix = prefixOf(destination, payload.readUInt8(1));
  const isOurs = payload.readUInt8(7) === localRoute && u32Of(attributes, routeAttributes.output) === loopback;
  return isOurs ? { prefix, unusual: null } : { prefix: null, unusual: `route to ${prefix.text}` };
}

function encodeRule(type: number, flags: number, family: Family, { priority, mark, mask, table }: RoutingRule): Frame {
  return encodeMessage(type, flags, (writer) => {
    writer.header32(familyNumbers[family]);
    writer.header8(table < 256 ? table : 0);
    writer.header16(0);
    writer.header8(toTable);
    writer.header32(0);
    writer.u32(ruleAttributes.priority, priority);
    writer.u32(ruleAttributes.mark, mark);
    writer.u32(ruleAttributes.table, table);
    writer.u32(ruleAttributes.mask, mask);
  });
}

function encodeRoute(type: number, flags: number, family: Family, table: number, prefix: Prefix): Frame {
  const isNew = type === types.newRoute;
  return encodeMessage(type, flags, (writer) => {
    writer.header8(familyNumbers[family]);
    writer.header8(prefix.length);
    writer.header16(0);
    writer.header8(table < 256 ? table : 0);
    writer.header8(isNew ? byHand : 0);
    writer.header8(isNew && family === "ipv4" ? scopes.host : isNew ? 0 : scopes.nowhere);
    writer.header8(localRoute);
    writer.header32(0);
    writer.address(routeAttributes.destination, prefix.address);
    writer.u32(routeAttributes.output, loopback);
    writer.u32(routeAttributes.table, table);
  });
}

export function encodeRoutingChange(change: RoutingChange): Frame {
  const create = messageFlags.create | messageFlags.exclusive;
  switch (change.op) {
    case "add-rule":
      return encodeRule(types.newRule, create, change.family, change.rule);
    case "delete-rule":
      return encodeRule(types.deleteRule, 0, change.family, change.rule);
    case "add-local-route":
      return encodeRoute(types.newRoute, create, change.family, change.table, change.prefix);
    case "delete-local-route":
      return encodeRoute(types.deleteRoute, 0, change.family, change.table, change.prefix);
    default:
      return unreachable(change);
  }
}

/** `add routing rule 1000 for mark 0x4000/0x4000 to table 30569 (ipv4)` */
export function routingChangeName(change: RoutingChange): string {
  switch (change.op) {
    case "add-rule":
    case "delete-rule": {
      const { priority, mark, mask, table } = change.rule;
      const packets = `mark 0x${mark.toString(16)}/0x${mask.toString(16)}`;
      return `${verbOf(change)} routing rule ${priority} for ${packets} to table ${table} (${change.family})`;
    }
    case "add-local-route":
    case "delete-local-route":
      return `${verbOf(change)} local route ${change.prefix.text} in table ${change.table}`;
    default:
      return unreachable(change);
  }
}

function verbOf({ op }: RoutingChange): string {
  return op === "add-rule" || op === "add-local-route" ? "add" : "delete";
}

/** Adding what is there and deleting what is not is done. A rule that is there several times goes each time. Throws HostError. */
export async function changeRouting(host: Host, changes: readonly RoutingChange[]): Promise<void> {
  await withNetlink(host, async (netlink) => {
    for (let start = 0; start < changes.length; start += mostInFlight) {
      let some = changes.slice(start, start + mostInFlight);
      while (some.length > 0) {
        const refusals = await netlink.batch(some.map(encodeRoutingChange), "change routing");
        for (const { index, errno } of refusals) {
          const change = some[index];
          if (change !== undefined && !isDone(change, errno)) throw refusalOf(change, errno);
        }
        const refused = new Set(refusals.map(({ index }) => index));
        some = some.filter((change, index) => change.op === "delete-rule" && !refused.has(index));
      }
    }
  });
}

function isDone({ op, family }: RoutingChange, errno: string): boolean {
  if (op === "add-rule" || op === "add-local-route") return errno === "EEXIST";
  return errno === "ENOENT" || errno === "ESRCH" || (family === "ipv6" && isWithout(errno));
}

function refusalOf(change: RoutingChange, errno: string): Error {
  return hostErrorOf(errno, routingChangeName(change), helpFor(change, errno));
}

function helpFor({ family }: RoutingChange, errno: string): string | null {
  if (errno === "ENETDOWN") return "the loopback interface is down: ip link set lo up";
  if (family === "ipv6" && (errno === "EACCES" || isWithout(errno))) {
    return "IPv6 is off on this node: see sysctl net.ipv6.conf.lo.disable_ipv6, or the kernel's command line";
  }
  return null;
}
