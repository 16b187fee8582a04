import type { Family } from "../../compiler/net/address.ts";
import type { Port, Protocol } from "../../compiler/net/port.ts";
import type { BackendProgram } from "../desired/programs.ts";
import type { Served } from "../served/served.ts";
import { servedBy } from "../served/served-by.ts";

export interface NodePort {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: Port;
  readonly keys: readonly string[];
}

/** The node ports of an artifact, each once: for both families the IPv4 one. */
export function nodePortsOf(desired: BackendProgram): readonly NodePort[] {
  const found = new Map<string, NodePort>();
  for (const { address, family, protocol, port, key } of servedBy(desired, "node-ports").values()) {
    if (address !== null) continue;
    const name = `${protocol} ${port}`;
    if (!found.has(name)) found.set(name, { family, protocol, port, keys: keysOf(key) });
  }
  return [...found.values()];
}

function keysOf(key: Served["key"]): readonly string[] {
  return key === null ? [] : [key];
}
