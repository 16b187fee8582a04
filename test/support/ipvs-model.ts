import { deltaIpvs, type IpvsDeltaOptions } from "../../compiler/backends/ipvs/delta.ts";
import { idText } from "../../compiler/backends/ipvs/delta-places.ts";
import { realText } from "../../compiler/backends/ipvs/delta-servers.ts";
import { lowerIpvs } from "../../compiler/backends/ipvs/lower.ts";
import { parseIpset } from "../../compiler/backends/ipvs/parse-sets.ts";
import { printIpvs } from "../../compiler/backends/ipvs/print.ts";
import { printCreate, printElement } from "../../compiler/backends/ipvs/print-sets.ts";
import type { IpvsProgram, LocalRouting, VirtualServer } from "../../compiler/backends/ipvs/program.ts";
import type { IpvsRequest, RoutingChange, Step } from "../../compiler/backends/step.ts";
import { textOf } from "../../compiler/backends/text.ts";
import { hasErrors } from "../../compiler/diagnostics/diagnostic.ts";
import { irOf } from "../../compiler/index.ts";
import type { NodeIr } from "../../compiler/ir/ir.ts";
import { type Family, families } from "../../compiler/net/address.ts";
import { readText } from "./random-specs.ts";

/** A kernel in memory that takes what a delta says, one line or request at a time, and refuses what a kernel refuses. */

export interface IpvsWorld {
  readonly ir: NodeIr;
  readonly program: IpvsProgram;
}

/** A spec's text as worker-1 serves it; null where IPVS cannot. */
export async function ipvsWorld(text: string): Promise<IpvsWorld | null> {
  const { ir } = irOf(await readText(text), "worker-1");
  const { program, diagnostics } = lowerIpvs(ir);
  return hasErrors(diagnostics) ? null : { ir, program };
}

export const emptyProgram: IpvsProgram = {
  virtualServers: [],
  timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
  keptRanges: [],
  sets: [],
  rules: { ipv4: null, ipv6: null },
  routing: { ipv4: null, ipv6: null },
  sysctls: [],
};

interface ModelSet {
  create: string;
  readonly elements: Map<string, string>;
}

export class IpvsModel {
  readonly #sets = new Map<string, ModelSet>();
  readonly #servers = new Map<string, VirtualServer>();
  #rules: IpvsProgram["rules"];
  readonly #routing: Record<Family, LocalRouting | null>;
  readonly #rulesOfSteps = new Map<Step, IpvsProgram["rules"]>();
  #sysctls: IpvsProgram["sysctls"];

  constructor(program: IpvsProgram) {
    for (const set of program.sets) {
      const elements = new Map(set.elements.map((element) => [keyOf(printElement(element)), printElement(element)]));
      this.#sets.set(set.name, { create: printCreate(set), elements });
    }
    for (const server of program.virtualServers) this.#servers.set(idText(server.id), server);
    this.#rules = program.rules;
    this.#routing = { ...program.routing };
    this.#sysctls = program.sysctls;
  }

  /** The steps to a program; rules change at once, by a step of this model's. */
  plan(before: IpvsProgram | null, after: IpvsProgram | null, options: IpvsDeltaOptions = {}): readonly Step[] {
    const rules = (_: IpvsProgram["rules"], wanted: IpvsProgram["rules"]): readonly Step[] => {
      if (JSON.stringify(_, plain) === JSON.stringify(wanted, plain)) return [];
      const operations = [{ action: "replace", object: "rules", name: "rules", key: null }] as const;
      const step: Step = { kind: "iptables", family: "ipv4", flavour: null, operations, input: [] };
      this.#rulesOfSteps.set(step, wanted);
      return [step];
    };
    return deltaIpvs(before, after, { rules, ...options });
  }

  /** Carries steps out, and calls back after each line or request. */
  run(steps: readonly Step[], afterEach: (what: string) => void = () => {}): void {
    for (const step of steps) {
      for (const { what, act } of this.#actsOf(step)) {
        act();
        afterEach(what);
      }
    }
  }

  program(): IpvsProgram {
    const lines = [...this.#sets.entries()].flatMap(([name, set]) => [
      set.create,
      ...[...set.elements.values()].map((element) => `add ${name} ${element}`),
    ]);
    return {
      ...emptyProgram,
      virtualServers: [...this.#servers.values()],
      sets: parseIpset(lines.join("\n")),
      rules: this.#rules,
      routing: { ...this.#routing },
      sysctls: this.#sysctls,
    };
  }

  #actsOf(step: Step): readonly { readonly what: string; readonly act: () => void }[] {
    switch (step.kind) {
      case "ipset":
        return step.input
          .join("")
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => ({ what: line, act: () => this.#set(line) }));
      case "ipvs":
        return step.requests.map((request) => ({
          what: JSON.stringify(request, plain),
          act: () => this.#server(request),
        }));
      case "routing":
        return step.changes.map((change) => ({ what: JSON.stringify(change, plain), act: () => this.#route(change) }));
      case "iptables": {
        const rules = this.#rulesOfSteps.get(step);
        return rules === undefined ? [] : [{ what: "rules", act: () => this.#setRules(rules) }];
      }
      case "sysctl": {
        const values = new Map([...this.#sysctls, ...step.values].map(({ name, value }) => [name, value]));
        this.#sysctls = [...values].map(([name, value]) => ({ name, value }));
        return [];
      }
      default:
        return [];
    }
  }

  #set(line: string): void {
    const [command = "", name = "", second = ""] = line.split(" ");
    const set = this.#sets.get(name);
    if (command === "create") {
      if (set === undefined) this.#sets.set(name, { create: line, elements: new Map() });
      else if (shape(set.create) !== shape(line)) throw new Error(`${line}: there is ${set.create}`);
    } else if (command === "destroy") {
      if (this.#namedSets().has(name)) throw new Error(`${line}: rules speak of it`);
      this.#sets.delete(name);
    } else if (set === undefined) throw new Error(`${line}: no such set`);
    else if (command === "add")
      set.elements.set(keyOf(line.slice(`add ${name} `.length)), line.slice(`add ${name} `.length));
    else if (command === "del") set.elements.delete(second);
    else if (command === "swap") this.#swap(name, second);
    else throw new Error(line);
  }

  #swap(one: string, other: string): void {
    const [a, b] = [this.#sets.get(one), this.#sets.get(other)];
    if (a === undefined || b === undefined) throw new Error(`swap ${one} ${other}: one is missing`);
    if (a.create.split(" ")[2] !== b.create.split(" ")[2]) throw new Error(`swap ${one} ${other}: types differ`);
    this.#sets.set(one, { ...b, create: b.create.replace(other, one) });
    this.#sets.set(other, { ...a, create: a.create.replace(one, other) });
  }

  #namedSets(rules: IpvsProgram["rules"] = this.#rules): ReadonlySet<string> {
    const chains = families.flatMap((family) => rules[family]?.tables.flatMap((table) => table.chains) ?? []);
    return new Set(
      chains.flatMap((chain) =>
        chain.rules.flatMap(({ matches, target }) => [
          ...matches.flatMap((match) => (match.kind === "set" ? [match.name] : [])),
          ...(target.kind === "map-set" ? [target.name] : []),
        ]),
      ),
    );
  }

  #setRules(rules: IpvsProgram["rules"]): void {
    for (const name of this.#namedSets(rules)) {
      if (!this.#sets.has(name)) throw new Error(`rules speak of ${name}, which is not there`);
    }
    this.#rules = rules;
  }

  #server(request: IpvsRequest): void {
    if (request.op === "set-config") return;
    const id = idText("server" in request ? request.server.id : request.id);
    const known = this.#servers.get(id);
    if (request.op === "new-service") {
      this.#servers.set(id, { ...request.server, realServers: known?.realServers ?? [] });
    } else if (request.op === "delete-service") this.#servers.delete(id);
    else if (known === undefined) throw new Error(`${request.op} ${id}: no such virtual server`);
    else if (request.op === "set-service") this.#servers.set(id, { ...request.server, realServers: known.realServers });
    else if ("real" in request) this.#realServer(request, known);
  }

  #realServer(
    request: Extract<IpvsRequest, { op: "new-dest" | "set-dest" | "delete-dest" }>,
    server: VirtualServer,
  ): void {
    const others = server.realServers.filter((real) => realText(real) !== realText(request.real));
    if (request.op === "set-dest" && others.length === server.realServers.length)
      throw new Error("no such real server");
    const realServers = request.op === "delete-dest" ? others : [...others, request.real];
    this.#servers.set(idText(server.id), { ...server, realServers });
  }

  #route(change: RoutingChange): void {
    const known = this.#routing[change.family];
    const prefixes = known?.prefixes ?? [];
    switch (change.op) {
      case "add-rule":
        this.#routing[change.family] = { rule: change.rule, prefixes };
        break;
      case "delete-rule":
        this.#keep(
          change.family,
          known?.rule.mark === change.rule.mark ? unmarked : (known?.rule ?? unmarked),
          prefixes,
        );
        break;
      case "add-local-route":
        this.#keep(change.family, known?.rule ?? unmarked, [...prefixes, change.prefix]);
        break;
      case "delete-local-route":
        this.#keep(
          change.family,
          known?.rule ?? unmarked,
          prefixes.filter(({ text }) => text !== change.prefix.text),
        );
        break;
    }
  }

  #keep(family: Family, rule: LocalRouting["rule"], prefixes: LocalRouting["prefixes"]): void {
    this.#routing[family] = rule === unmarked && prefixes.length === 0 ? null : { rule, prefixes };
  }
}

/** Routes without a rule to them. */
const unmarked = { priority: 0, mark: 0, mask: 0, table: 0 };

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}

function keyOf(element: string): string {
  return element.split(" ")[0] ?? "";
}

/** What a set is created with, without its size. */
function shape(create: string): string {
  return create.replace(/ hashsize \d+/, "");
}

/** Everything of a program but sysctls and order, as text to be compared; routes by rule. */
export function essenceOf(program: IpvsProgram | null): string {
  const { sysctls: _, keptRanges: __, timeouts: ___, ...rest } = program ?? emptyProgram;
  const whole: IpvsProgram = {
    ...rest,
    sysctls: [],
    keptRanges: [],
    timeouts: emptyProgram.timeouts,
    sets: [...rest.sets].sort((a, b) => (a.name < b.name ? -1 : 1)),
    virtualServers: rest.virtualServers
      .map((server) => ({
        ...server,
        key: null,
        realServers: [...server.realServers].sort((a, b) => (realText(a) < realText(b) ? -1 : 1)),
      }))
      .sort((a, b) => (idText(a.id) < idText(b.id) ? -1 : 1)),
  };
  const routes = families.map((family) => {
    const routing = whole.routing[family];
    return routing && { ...routing, prefixes: [...routing.prefixes].sort((a, b) => (a.text < b.text ? -1 : 1)) };
  });
  const text = printIpvs({ ...whole, routing: { ipv4: routes[0] ?? null, ipv6: routes[1] ?? null } })
    .map((file) => `== ${file.path}\n${textOf(file)}`)
    .join("");
  return text.replace(/ hashsize \d+/g, "");
}
