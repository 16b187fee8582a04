import type { Family } from "../../net/address.ts";
import { deltaIptables } from "../iptables/delta.ts";
import type { Step } from "../step.ts";
import {
  type ActionBits,
  actionBits,
  type DispatchElement,
  eachDispatchElement,
  idText,
  isRefusing,
  markOfElement,
  placeOfElement,
  placesOf,
  placeText,
} from "./delta-places.ts";
import { deltaRouting, deltaSysctls } from "./delta-routing.ts";
import { deltaServers, staleFlows } from "./delta-servers.ts";
import { deltaSets, hasOtherType, keysByPlace } from "./delta-sets.ts";
import { withElements } from "./elements.ts";
import {
  printFlowEdits,
  printRoutingChanges,
  printServerEdits,
  printSetEdits,
  printSysctlValues,
} from "./print-delta.ts";
import type { IpSet, IpvsProgram, RealServer, SetElement, VirtualServer } from "./program.ts";

export interface IpvsDeltaOptions {
  /**
   * Steps from the rules of one program to those of another, where the node knows more than the rules: its flavour, rules
   * of others among them.
   */
  readonly rules?: (before: IpvsProgram["rules"], after: IpvsProgram["rules"]) => readonly Step[];
  /** Programs that tell where virtual servers are found that no set names any more. */
  readonly known?: readonly IpvsProgram[];
  /** Whether a real server that goes may have UDP flows; otherwise any may. */
  readonly isStale?: (server: VirtualServer, real: RealServer) => boolean;
}

/**
 * The steps from one program to another, each of them safe to repeat:
 *
 * 1. kernel settings, and sets with what restricts and translates packets
 * 2. virtual servers with their real servers, real servers that come
 * 3. routes that deliver packets to IPVS; then the rules, which is where a first load begins to serve
 * 4. the sets lead packets to what is there now, and no longer to what goes
 * 5. real servers and virtual servers that go, routes, what only they needed, sets that no rule names
 * 6. UDP flows that would stay where they were
 *
 * A frontend that both programs serve has at each moment a virtual server with a real server. Steps of one kind that
 * meet are one step: where no set changes, virtual servers are changed at once.
 */
export function deltaIpvs(
  before: IpvsProgram | null,
  after: IpvsProgram | null,
  options: IpvsDeltaOptions = {},
): readonly Step[] {
  if (before === after) return [];
  const [from, to] = [before ?? nothing, after ?? nothing];
  const places = placesOf([...(options.known ?? []), from, to]);
  const steps: Step[] = [];
  let now = from;
  for (const stage of stagesBetween(from, to)) {
    steps.push(...stageSteps(now, stage, options));
    now = stage;
  }
  const flows = staleFlows(before, after, places, options.isStale);
  return merged([...steps, printFlowEdits(flows)]);
}

const nothing: IpvsProgram = {
  virtualServers: [],
  timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
  keptRanges: [],
  sets: [],
  rules: { ipv4: null, ipv6: null },
  routing: { ipv4: null, ipv6: null },
  sysctls: [],
};

function stageSteps(before: IpvsProgram, after: IpvsProgram, options: IpvsDeltaOptions): readonly Step[] {
  const keys = keysByPlace([before, after]);
  const sets = deltaSets(before.sets, after.sets, sharedMasquerade(before, after));
  const servers = deltaServers(before, after);
  const routing = deltaRouting(before.routing, after.routing);
  return [
    printSysctlValues(deltaSysctls(before.sysctls, after.sysctls)),
    printSetEdits(sets.prepare, keys),
    printServerEdits(servers.prepare),
    printRoutingChanges(routing.prepare),
    ...(options.rules ?? deltaIptables)(before.rules, after.rules),
    printSetEdits(sets.lead, keys),
    printServerEdits(servers.release),
    printSetEdits(sets.release, keys),
    printRoutingChanges(routing.release),
    // a step of its own, which may have to wait: the kernel lets go of removed rules some moments later
    printSetEdits(sets.destroy, keys),
  ];
}

/** The bit that has connections masqueraded, where both programs use it. */
function sharedMasquerade(before: IpvsProgram, after: IpvsProgram): Readonly<Record<Family, number>> {
  const [was, is] = [actionBits(before), actionBits(after)];
  const of = (family: Family) => (was[family].masquerade === is[family].masquerade ? is[family].masquerade : 0);
  return { ipv4: of("ipv4"), ipv6: of("ipv6") };
}

/**
 * The programs on the way to `after`, which is the last. Two things cannot be done in one go:
 * a set of another type (someone made it in weir's name) can only be made when no rule speaks of the old one, and a mark
 * can only get another frontend's servers when its own frontend has left it.
 */
function stagesBetween(before: IpvsProgram, after: IpvsProgram): readonly IpvsProgram[] {
  const stages: IpvsProgram[] = [];
  let now = before;
  const unfit = now.sets.filter((set) => after.sets.some((each) => each.name === set.name && hasOtherType(set, each)));
  if (unfit.length > 0) {
    now = withoutSets(now, unfit);
    stages.push(now);
  }
  // each round frees at least one mark, or is the last
  for (;;) {
    const taken = takenMarks(now, after);
    if (taken.size === 0) break;
    const without = exceptMarks(now, after, taken, taken);
    const still = takenMarks(without, after);
    if (still.size >= taken.size) break;
    // nobody is led to the freed ones: they get their new servers before their new frontends
    now = exceptMarks(without, after, still, taken);
    stages.push(without, now);
  }
  return [...stages, after];
}

function withoutSets(program: IpvsProgram, sets: readonly IpSet[]): IpvsProgram {
  const rules = { ...program.rules };
  for (const { name } of sets) {
    if (name.startsWith("weir6-")) rules.ipv6 = null;
    else rules.ipv4 = null;
  }
  return { ...program, rules, sets: program.sets.filter((set) => !sets.includes(set)) };
}

/** Virtual servers by mark that lead to one frontend before and to another one after, by `idText`. */
function takenMarks(before: IpvsProgram, after: IpvsProgram): ReadonlySet<string> {
  const taken = new Set<string>();
  const [was, is] = [markedPlaces(before), markedPlaces(after)];
  for (const [id, places] of is) {
    const old = was.get(id) ?? new Set();
    if ([...places].some((place) => !old.has(place)) && [...old].some((place) => !places.has(place))) taken.add(id);
  }
  return taken;
}

/** The frontends whose new connections go to a virtual server by mark. */
function markedPlaces(program: IpvsProgram): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>();
  const bits = actionBits(program);
  eachDispatchElement(program.sets, (element) => {
    const id = markServing(element, bits);
    if (id !== null) places.set(id, (places.get(id) ?? new Set()).add(placeText(placeOfElement(element))));
  });
  return places;
}

function markServing(element: DispatchElement, bits: Readonly<Record<Family, ActionBits>>): string | null {
  const { family } = placeOfElement(element);
  const mark = isRefusing(element, bits[family]) ? null : markOfElement(element, bits[family]);
  return mark === null ? null : idText({ kind: "mark", family, mark });
}

/** The program after, but with the virtual servers by some marks as before, and with frontends that are to use others as before. */
function exceptMarks(
  before: IpvsProgram,
  after: IpvsProgram,
  held: ReadonlySet<string>,
  awaited: ReadonlySet<string>,
): IpvsProgram {
  const old = new Map(before.virtualServers.map((server) => [idText(server.id), server]));
  const virtualServers = after.virtualServers.map((server) => {
    const id = idText(server.id);
    return held.has(id) ? (old.get(id) ?? server) : server;
  });
  const waiting = new Set<string>();
  const bits = actionBits(after);
  eachDispatchElement(after.sets, (element) => {
    const id = markServing(element, bits);
    if (id !== null && awaited.has(id)) waiting.add(placeText(placeOfElement(element)));
  });
  const isWaiting = (element: SetElement) =>
    (element.kind === "ip-port" || element.kind === "net-port") && waiting.has(placeText(placeOfElement(element)));
  const oldSets = new Map(before.sets.map((set) => [set.name, set]));
  const sets = after.sets.map((set) => {
    const kept = oldSets.get(set.name)?.elements.filter(isWaiting) ?? [];
    const others = set.elements.filter((element) => !isWaiting(element));
    return withElements(set, [...others, ...kept]);
  });
  return { ...after, virtualServers, sets };
}

/** Without steps that do nothing; neighbours of one kind are one step. What destroys sets stays alone: see its printing. */
function merged(steps: readonly Step[]): readonly Step[] {
  const result: Step[] = [];
  for (const step of steps) {
    if (step.operations.length === 0) continue;
    const last = result.at(-1);
    const joined = last === undefined ? null : joinedStep(last, step);
    if (joined === null) result.push(step);
    else result[result.length - 1] = joined;
  }
  return result;
}

function joinedStep(a: Step, b: Step): Step | null {
  const operations = [...a.operations, ...b.operations];
  if (a.kind === "ipset" && b.kind === "ipset") {
    return destroysSets(a) || destroysSets(b) ? null : { ...a, operations, input: [...a.input, ...b.input] };
  }
  if (a.kind === "ipvs" && b.kind === "ipvs") return { ...a, operations, requests: [...a.requests, ...b.requests] };
  if (a.kind === "routing" && b.kind === "routing") return { ...a, operations, changes: [...a.changes, ...b.changes] };
  return null;
}

function destroysSets(step: Step): boolean {
  return step.operations.some(({ action, object }) => action === "delete" && object === "set");
}
