import { type IpAddress, type Prefix, parseAddress, parsePrefix } from "../net/address.ts";
import type { NodeOverrides } from "../pipeline.ts";
import type { Result } from "../result.ts";
import type { Spec } from "../spec/schema.ts";
import { UsageError } from "./exit.ts";

/** What the command line says of nodes. */
export interface NodeOptions {
  readonly node?: readonly string[];
  readonly allNodes?: boolean;
  readonly nodeAddress?: readonly string[];
  readonly nodePods?: readonly string[];
  readonly nodeZone?: string;
}

export interface ChosenNode {
  readonly name: string;
  readonly overrides: NodeOverrides;
}

/** The lists that options give: `--node a,b --node c` is a, b and c. */
export function listOption(values: readonly string[] | undefined): readonly string[] {
  return [...new Set((values ?? []).flatMap((value) => value.split(",")).filter((value) => value !== ""))];
}

function parseList<T>(
  option: string,
  values: readonly string[] | undefined,
  parse: (text: string) => Result<T>,
): readonly T[] | undefined {
  if (values === undefined) return undefined;
  return listOption(values).map((text) => {
    const parsed = parse(text);
    if (!parsed.ok) throw new UsageError(`${option}: ${parsed.reason}`);
    return parsed.value;
  });
}

/** The node's own addresses, as the command line gives them. */
export function addressesOption(options: NodeOptions): readonly IpAddress[] | undefined {
  return parseList("--node-address", options.nodeAddress, parseAddress);
}

function overridesOf(options: NodeOptions): NodeOverrides {
  const addresses = addressesOption(options);
  const pods: readonly Prefix[] | undefined = parseList("--node-pods", options.nodePods, parsePrefix);
  return { addresses, pods, zone: options.nodeZone };
}

/**
 * The nodes that a command is for: those of `--node`, or all declared ones. What the command line says of a node
 * holds for one, so it needs exactly one `--node`.
 */
export function chosenNodes(spec: Spec, options: NodeOptions): readonly ChosenNode[] {
  const overrides = overridesOf(options);
  const names = listOption(options.node);
  for (const name of names) assertNodeName(name);
  const isOverridden = Object.values(overrides).some((value) => value !== undefined);
  if (isOverridden && names.length !== 1) {
    throw new UsageError("--node-address, --node-pods and --node-zone need one --node that they describe");
  }
  if (names.length > 0) return names.map((name) => ({ name, overrides }));
  return spec.nodes.map((node) => ({ name: node.name, overrides: {} }));
}

/** Node names become names of folders, so nothing that climbs or hides is one. Kubernetes' names are narrower still. */
export function assertNodeName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(name)) return;
  throw new UsageError(`${JSON.stringify(name)} is no node name: letters, digits, \`-\`, \`_\` and \`.\`, at most 253`);
}
