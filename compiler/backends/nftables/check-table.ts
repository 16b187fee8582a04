import { unreachable } from "../../result.ts";
import type {
  AnyNftSet,
  NftBaseChain,
  NftChain,
  NftDatatype,
  NftExpression,
  NftField,
  NftProgram,
  NftRule,
  NftStatement,
  NftTable,
  NftVerdict,
} from "./program.ts";
import { addressType } from "./skeleton.ts";

/** Translation stands where the kernel's is, so that it comes before or after what others have at these hooks. */
export const hookPriorities: Readonly<Record<NftBaseChain["hook"], number>> = {
  prerouting: -100,
  output: -100,
  postrouting: 100,
};

/**
 * What nft or the kernel would not load, or would load and never find, as a phrase: a name that nothing declares, a
 * lookup in a set of another kind or type, a base chain that does not stand where its hook translates. null where all
 * is well.
 */
export function flawInTables({ tables }: NftProgram): string | null {
  for (const table of tables) {
    const found = new Checker(table).flaw();
    if (found !== null) return found;
  }
  return null;
}

/** Types of the parts of a key or of data; null where a part is no field of weir's sets. */
type Types = readonly (NftDatatype | null)[];

class Checker {
  readonly #table: NftTable;
  readonly #sets: ReadonlyMap<string, AnyNftSet>;
  readonly #chains: ReadonlyMap<string, NftChain>;

  constructor(table: NftTable) {
    this.#table = table;
    this.#sets = new Map(table.sets.map((set) => [set.name, set]));
    this.#chains = new Map(table.chains.map((chain) => [chain.name, chain]));
  }

  flaw(): string | null {
    const address = addressType(this.#table.family);
    for (const set of this.#table.sets) {
      const types = set.kind === "map" || set.kind === "dynamic-map" ? [...set.key, ...set.data] : set.key;
      const strange = types.find((type) => (type === "ipv4_addr" || type === "ipv6_addr") && type !== address);
      if (strange !== undefined) return `${set.name} has ${strange} in a table ${this.#table.family}`;
      if (set.kind !== "verdict-map") continue;
      for (const { verdict } of set.elements) {
        const found = this.#ofVerdict(verdict);
        if (found !== null) return found;
      }
    }
    for (const chain of this.#table.chains) {
      if (chain.kind === "base" && chain.priority !== hookPriorities[chain.hook]) {
        return `chain ${chain.name} has the priority ${chain.priority} at ${chain.hook}`;
      }
      for (const rule of chain.rules) {
        const found = this.#ofRule(rule);
        if (found !== null) return `${found}, in chain ${chain.name}`;
      }
    }
    return null;
  }

  #ofRule(rule: NftRule): string | null {
    for (const statement of rule) {
      const found = this.#ofStatement(statement);
      if (found !== null) return found;
    }
    return null;
  }

  #ofStatement(statement: NftStatement): string | null {
    switch (statement.kind) {
      case "verdict":
        return this.#ofVerdict(statement.verdict);
      case "match": {
        const { left, right } = statement;
        return this.#ofExpression(left) ?? (right.kind === "set" ? this.#ofLookup(right.name, ["set"], left) : null);
      }
      case "assign":
        return this.#ofExpression(statement.value);
      case "dispatch":
        return this.#ofExpression(statement.key) ?? this.#ofLookup(statement.map, ["verdict-map"], statement.key);
      case "update":
      case "delete":
        return this.#ofLookup(statement.map, ["dynamic-map"], statement.key, this.#typesOf(statement.data));
      case "dnat":
        return this.#ofExpression(statement.to, [addressType(this.#table.family), "inet_service"]);
      case "masquerade":
      case "reject":
        return null;
      default:
        return unreachable(statement);
    }
  }

  #ofVerdict(verdict: NftVerdict): string | null {
    if (verdict.kind !== "jump" && verdict.kind !== "goto") return null;
    const chain = this.#chains.get(verdict.chain);
    if (chain === undefined) return `there is no chain ${verdict.chain}`;
    return chain.kind === "base" ? `${verdict.kind} to the base chain ${verdict.chain}` : null;
  }

  /** `data`: what a lookup must bring; null where any will do. */
  #ofExpression(expression: NftExpression, data: Types = ["classid"]): string | null {
    switch (expression.kind) {
      case "lookup":
        return this.#ofLookup(expression.map, ["map", "dynamic-map"], expression.key, data);
      case "concat":
        return expression.parts.map((part) => this.#ofExpression(part)).find((found) => found !== null) ?? null;
      default:
        return null;
    }
  }

  #ofLookup(
    name: string,
    kinds: readonly AnyNftSet["kind"][],
    key: NftExpression,
    data: Types | null = null,
  ): string | null {
    const set = this.#sets.get(name);
    if (set === undefined) return `there is no set or map ${name}`;
    if (!kinds.includes(set.kind)) return `${name} is a ${set.kind}`;
    const asked = this.#typesOf(key);
    if (!agree(set.key, asked)) return `${name} has the key ${set.key.join(" . ")}, not ${asked.join(" . ")}`;
    const brought = set.kind === "map" || set.kind === "dynamic-map" ? set.data : null;
    if (data === null || brought === null || agree(brought, data)) return null;
    return `${name} has the data ${brought.join(" . ")}, not ${data.join(" . ")}`;
  }

  #typesOf(expression: NftExpression): Types {
    switch (expression.kind) {
      case "concat":
        return expression.parts.flatMap((part) => this.#typesOf(part));
      case "field":
      case "bits":
        return [this.#typeOf(expression.field)];
      case "no-class":
        return ["classid"];
      case "random":
      case "hash":
        return ["integer"];
      case "lookup": {
        const set = this.#sets.get(expression.map);
        return set !== undefined && "data" in set ? set.data : [null];
      }
      default:
        return unreachable(expression);
    }
  }

  #typeOf(field: NftField): NftDatatype | null {
    switch (field) {
      case "saddr":
      case "daddr":
        return addressType(this.#table.family);
      case "l4proto":
        return "inet_proto";
      case "dport":
        return "inet_service";
      case "priority":
        return "classid";
      default:
        return null;
    }
  }
}

function agree(declared: readonly NftDatatype[], asked: Types): boolean {
  return declared.length === asked.length && declared.every((type, at) => asked[at] === type);
}
