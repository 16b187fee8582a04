import { hostPrefix, type IpAddress, type Prefix } from "../../net/address.ts";
import { unreachable } from "../../result.ts";
import { anything, type Condition, onePort } from "../condition.ts";
import { iptablesConditions } from "../iptables/conditions.ts";
import type { SetDirection } from "../iptables/program.ts";
import type { IpSet, IpvsProgram, SetElement } from "./program.ts";

/** What rules, sets, virtual servers and routes ask of packets. */
export function ipvsConditions(program: IpvsProgram): readonly Condition[] {
  const sets = new Map(program.sets.map((set) => [set.name, set]));
  const known = new Map<string, readonly Condition[]>();
  const ofSet = (name: string, directions: readonly SetDirection[]): readonly Condition[] => {
    const key = `${name} ${directions.join()}`;
    const conditions = known.get(key) ?? setConditions(sets.get(name), directions);
    known.set(key, conditions);
    return conditions;
  };
  const routes = [program.routing.ipv4, program.routing.ipv6].flatMap((routing) => routing?.prefixes ?? []);
  return [
    ...iptablesConditions(program.rules, ofSet),
    ...routes.map((prefix) => ({ ...anything(prefix.address.family), destination: prefix })),
    ...program.virtualServers.flatMap(({ id }): readonly Condition[] => {
      if (id.kind === "mark") return [];
      const { address, protocol, port } = id;
      return [{ ...anything(address.family), destination: hostPrefix(address), protocol, ports: onePort(port) }];
    }),
  ];
}

function setConditions(set: IpSet | undefined, directions: readonly SetDirection[]): readonly Condition[] {
  return (set?.elements ?? []).map((element) => {
    const { first, second } = addressesOf(element);
    const { family } = first.address;
    const bare: Condition =
      "port" in element
        ? { ...anything(family), protocol: element.protocol, ports: onePort(element.port) }
        : anything(family);
    const one = at(bare, directions[0], first);
    return second === null ? one : at(one, directions[2], second);
  });
}

function at(condition: Condition, direction: SetDirection | undefined, prefix: Prefix): Condition {
  if (direction === undefined) return condition;
  return direction === "src" ? { ...condition, source: prefix } : { ...condition, destination: prefix };
}

function addressesOf(element: SetElement): { readonly first: Prefix; readonly second: Prefix | null } {
  const host = (address: IpAddress): Prefix => hostPrefix(address);
  switch (element.kind) {
    case "ip":
    case "ip-port":
      return { first: host(element.address), second: null };
    case "net":
    case "net-port":
      return { first: element.prefix, second: null };
    case "ip-port-net":
      return { first: host(element.address), second: element.prefix };
    case "ip-port-ip":
      return { first: host(element.address), second: host(element.client) };
    default:
      return unreachable(element);
  }
}
