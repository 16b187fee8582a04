/** What the grammar's value symbols are called in messages. */
const symbolNames: Readonly<Record<string, string>> = {
  address: "an address",
  address_or_list: "an address or the name of a list",
  range_or_list: "an address, a prefix or the name of a list",
  list_name: "the name of the list",
  service_name: "the service as namespace/name",
  service_pattern: "a service as namespace/name, with * for any",
  address_and_port: "an address with a port, as 192.0.2.1:80",
  target_name: "a service or the address of an endpoint",
  code: "the code of a warning",
  scheduler: "a scheduler",
  port_range: "a range of ports, as 30000-32767",
  number: "a number",
  port_number: "a port number",
  percent: "a percentage",
  duration: "a duration, as 30s, 5m or 3h",
  netmask_lengths: "prefix lengths, as 24/64",
  node_name: "the name of a node",
  zone_name: "the name of a zone",
  port_name: "the name of a port",
  interface_name: "the name of an interface",
  file_pattern: "a path in quotes",
};

const quotable: ReadonlySet<string> = new Set(["node_name", "zone_name", "port_name", "interface_name"]);

/** Whether a value of the rule may stand in quotes. */
export function mayBeQuoted(rule: string): boolean {
  return quotable.has(rule);
}

/** One thing that the grammar would accept: a literal, or a kind of token wanted by the rule named. */
export interface Expected {
  readonly literal: string | null;
  readonly rule: string;
}

export function describeExpected(item: Expected): string {
  if (item.literal !== null) return `\`${item.literal}\``;
  return symbolNames[item.rule] ?? item.rule;
}

/** `a, b or c`, each once, in the order given. */
export function alternatives(items: readonly string[]): string {
  const unique = [...new Set(items)];
  const last = unique.at(-1) ?? "nothing";
  return unique.length < 2 ? last : `${unique.slice(0, -1).join(", ")} or ${last}`;
}
