/**
 * What `iptables-restore --noflush` does to tables, as strict as the kernel: a chain that is missing at COMMIT, deleted
 * while a rule refers to it, or declared twice is an error. Built-in chains exist.
 */
export type ModelTables = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

const builtins = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/** The tables after each COMMIT. */
export function restoreSteps(before: ModelTables, input: string): readonly ModelTables[] {
  const states: ModelTables[] = [];
  let now = before;
  for (const section of input.split(/^COMMIT\n/m)) {
    if (section === "") continue;
    const [head = "", ...lines] = section.trimEnd().split("\n");
    const name = head.slice(1);
    now = new Map([...now, [name, commit(now.get(name) ?? new Map(builtins.map((chain) => [chain, []])), lines)]]);
    states.push(now);
  }
  return states;
}

function commit(before: ReadonlyMap<string, readonly string[]>, lines: readonly string[]) {
  const chains = new Map<string, readonly string[]>(before);
  const declared = new Set<string>();
  for (const line of lines) change(chains, declared, line);
  for (const rules of chains.values()) {
    for (const rule of rules) {
      const target = targetOf(rule);
      if (target !== null && !chains.has(target)) throw new Error(`${rule}: no chain ${target}`);
    }
  }
  return chains;
}

function targetOf(rule: string): string | null {
  return / -[jg] (WEIR-\S+)$/.exec(rule)?.[1] ?? null;
}

function change(chains: Map<string, readonly string[]>, declared: Set<string>, line: string): void {
  const [command = "", name = ""] = line.split(" ");
  if (command === "-S") return;
  if (command.startsWith(":")) {
    const chain = command.slice(1);
    if (declared.has(chain)) throw new Error(`${chain} is declared twice`);
    declared.add(chain);
    chains.set(chain, []);
    return;
  }
  const rules = chains.get(name);
  if (rules === undefined) throw new Error(`${line}: no chain ${name}`);
  if (command === "-A") chains.set(name, [...rules, line]);
  else if (command === "-X") {
    const referring = [...chains.values()].flat().find((rule) => targetOf(rule) === name);
    if (rules.length > 0 || referring !== undefined) throw new Error(`${line}: in use by ${referring ?? "its rules"}`);
    chains.delete(name);
  } else if (command === "-D") {
    const at = rules.indexOf(line.replace("-D", "-A"));
    if (at < 0) throw new Error(`${line}: no such rule`);
    chains.set(name, rules.toSpliced(at, 1));
  } else if (command === "-I") {
    const [, place] = /^-I \S+ (\d+) /.exec(line) ?? [];
    const number = Number(place ?? 1);
    if (number > rules.length + 1) throw new Error(`${line}: index beyond the chain`);
    const rule = line.replace(/^-I (\S+) (\d+ )?/, "-A $1 ");
    chains.set(name, rules.toSpliced(number - 1, 0, rule));
  } else throw new Error(`${line}: unknown`);
}

/** As `iptables-save` lists it. */
export function listingOfModel(tables: ModelTables): string {
  return [...tables]
    .map(([name, chains]) => {
      const declared = [...chains.keys()].map(
        (chain) => `:${chain} ${builtins.includes(chain) ? "ACCEPT" : "-"} [0:0]\n`,
      );
      return `*${name}\n${declared.join("")}${[...chains.values()].flatMap((rules) => rules.map((rule) => `${rule}\n`)).join("")}COMMIT\n`;
    })
    .join("");
}
