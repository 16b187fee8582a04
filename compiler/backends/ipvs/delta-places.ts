import { type Family, families, type IpAddress } from "../../net/address.ts";
import type { Port, Protocol } from "../../net/port.ts";
import type { IptablesRuleset } from "../iptables/program.ts";
import { chains, type MarkLayout, markLayout, setName, unsigned } from "./names.ts";
import type { IpSet, IpvsProgram, SetElement, VirtualServerId } from "./program.ts";

/** Where clients find a virtual server; `address` is null for a node port. */
export interface Place {
  readonly family: Family;
  readonly address: IpAddress | null;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** Elements that lead packets to virtual servers. */
export type DispatchElement = Extract<SetElement, { kind: "ip-port" | "net-port" }>;

/** Sets that lead packets to virtual servers: for anyone, pods, and the node. */
export const dispatchSets = {
  address: ["frontends", "frontendsPod", "frontendsNode"],
  nodePort: ["nodePorts", "nodePortsPod", "nodePortsNode"],
} as const;

const allBits = 0xffffffff;

/** The same for the same place, also when a node port's networks change. */
export function placeText({ family, address, protocol, port }: Place): string {
  return `${address === null ? family : address.text} ${protocol} ${port}`;
}

export function idText(id: VirtualServerId): string {
  return id.kind === "mark" ? `${id.family} ${id.mark}` : `${id.address.text} ${id.protocol} ${id.port}`;
}

export function familyOf(id: VirtualServerId): Family {
  return id.kind === "mark" ? id.family : id.address.family;
}

export function placeOfElement(element: DispatchElement): Place {
  const { protocol, port } = element;
  if (element.kind === "ip-port") return { family: element.address.family, address: element.address, protocol, port };
  return { family: element.prefix.address.family, address: null, protocol, port };
}

/** Calls back for every element of the sets that lead to virtual servers, set by set. */
export function eachDispatchElement(
  sets: readonly IpSet[],
  visit: (element: DispatchElement, set: IpSet) => void,
): void {
  for (const set of sets) {
    if (!dispatchNames.has(set.name)) continue;
    for (const element of set.elements) {
      if (element.kind === "ip-port" || element.kind === "net-port") visit(element, set);
    }
  }
}

const dispatchNames: ReadonlySet<string> = new Set(
  families.flatMap((family) =>
    Object.values(dispatchSets).flatMap((names) => names.map((name) => setName(family, name))),
  ),
);

/** Bits of an element's action that say what becomes of the packet. They are no part of a virtual server's mark. */
export interface ActionBits {
  readonly masquerade: number;
  /** Drop or reject new connections. */
  readonly refusal: number;
}

/**
 * The mark of a virtual server that an element sends packets to, or null when they are to be found by address. Only these
 * actions set all bits of the mark.
 */
export function markOfElement({ action }: DispatchElement, { masquerade, refusal }: ActionBits): number | null {
  if (action === null || action.mask !== allBits) return null;
  return unsigned(action.value & ~(masquerade | refusal));
}

/** Whether new connections are refused; those that exist go on. */
export function isRefusing({ action }: DispatchElement, { refusal }: ActionBits): boolean {
  return action !== null && (action.value & refusal) !== 0;
}

/** Where each virtual server is found by its clients, by `idText`. */
export function placesOf(programs: readonly IpvsProgram[]): ReadonlyMap<string, readonly Place[]> {
  const places = new Map<string, Map<string, Place>>();
  const note = (id: string, place: Place) => {
    const known = places.get(id) ?? new Map<string, Place>();
    places.set(id, known.set(placeText(place), place));
  };
  for (const program of programs) {
    for (const { id } of program.virtualServers) {
      if (id.kind === "address") note(idText(id), { family: id.address.family, ...id });
    }
    const bits = actionBits(program);
    eachDispatchElement(program.sets, (element) => {
      const place = placeOfElement(element);
      const mark = markOfElement(element, bits[place.family]);
      if (mark !== null) note(idText({ kind: "mark", family: place.family, mark }), place);
    });
  }
  return new Map([...places].map(([id, known]) => [id, [...known.values()]]));
}

/** A family without rules has the bits of the other one, because the cluster's settings are for both; 0 without any. */
export function actionBits({ rules }: Pick<IpvsProgram, "rules">): Readonly<Record<Family, ActionBits>> {
  const of = (ruleset: IptablesRuleset | null): ActionBits | null => {
    const layout = layoutOf(ruleset);
    return layout === null ? null : { masquerade: layout.masquerade, refusal: layout.drop | layout.reject };
  };
  const [ipv4, ipv6] = [of(rules.ipv4), of(rules.ipv6)];
  const none: ActionBits = { masquerade: 0, refusal: 0 };
  return { ipv4: ipv4 ?? ipv6 ?? none, ipv6: ipv6 ?? ipv4 ?? none };
}

/** The bits of the packet mark that a program uses, read from what its rules do; null without such rules. */
export function layoutOf(ruleset: IptablesRuleset | null): MarkLayout | null {
  const act = ruleset?.tables.flatMap((table) => table.chains).find((chain) => chain.name === chains.act);
  let [masquerade, drop, reject] = [0, 0, 0];
  for (const { matches, target } of act?.rules ?? []) {
    const bits = matches.find((match) => match.kind === "mark")?.value ?? 0;
    if (target.kind === "drop") drop = bits;
    else if (target.kind === "goto") reject = bits;
    else if (target.kind === "ct-mark") masquerade = bits;
  }
  return masquerade === 0 || drop === 0 || reject === 0 ? null : markLayout({ masquerade, drop, reject });
}
