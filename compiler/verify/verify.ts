import type { ArtifactFile, BackendName } from "../backends/backend.ts";
import { loadBackend } from "../backends/registry.ts";
import { loadSimulator } from "../backends/simulator.ts";
import { textsOf } from "../backends/text.ts";
import type { NodeIr } from "../ir/ir.ts";
import { addressFromBits, type Family, families, type IpAddress } from "../net/address.ts";
import { packetClasses } from "./classes.ts";
import type { VerifyReport } from "./difference.ts";
import { foreignMarkOf } from "./traces.ts";
import { Verifier } from "./verifier.ts";

export interface VerifyOptions {
  /** Only packets for these service ports; null is all packets. */
  readonly keys?: ReadonlySet<string> | null;
  readonly mostDifferences?: number;
  /** End with the first difference; the counts are then of what was tried so far. */
  readonly untilFirst?: boolean;
}

/**
 * Holds a program against the meaning of the spec, for every class of packets. `program` is what `parse` of the backend
 * made of the artifact, so that the printer is held to it as well.
 */
export async function verifyProgram(
  ir: NodeIr,
  backend: BackendName,
  program: unknown,
  { keys = null, mostDifferences = 20, untilFirst = false }: VerifyOptions = {},
): Promise<VerifyReport> {
  const kind = await loadSimulator(backend);
  const node = withAddresses(ir);
  const simulator = kind.open(program, { nodeAddresses: node.node.addresses, mark: foreignMarkOf(ir) });
  const verifier = new Verifier(node, backend, simulator, mostDifferences);
  for (const { packet, frontend } of packetClasses(node, kind.conditions(program), keys)) {
    verifier.verify(packet, frontend);
    if (untilFirst && verifier.hasDifference) break;
  }
  return verifier.report();
}

/** Node ports are on every address that a node has; where the spec names none of a family, one is taken for those. */
function withAddresses(ir: NodeIr): NodeIr {
  const missing = families.filter(
    (family) =>
      ir.nodePortAddresses[family].kind === "any" &&
      ir.frontends[family].some(({ kind }) => kind === "node-port") &&
      !ir.node.addresses.some((address) => address.family === family),
  );
  if (missing.length === 0) return ir;
  return {
    ...ir,
    node: { ...ir.node, addresses: [...ir.node.addresses, ...missing.map((family) => unnamed[family])] },
  };
}

/** Of the blocks for documentation, far from where addresses are given. */
const unnamed: Readonly<Record<Family, IpAddress>> = {
  ipv4: addressFromBits("ipv4", 0xcb0071fdn),
  ipv6: addressFromBits("ipv6", 0x20010db8fffffffffffffffffffffffdn),
};

/** The same for the files of an artifact, read as the node will read them. */
export async function verifyFiles(
  ir: NodeIr,
  name: BackendName,
  files: readonly ArtifactFile[],
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const backend = await loadBackend(name);
  const program = backend.parse(textsOf(files));
  return verifyProgram(ir, name, program, options);
}
