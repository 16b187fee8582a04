import { type Digest, digestOfSpec } from "../artifact/digest.ts";
import type { BackendName } from "../backends/backend.ts";
import { loadBackend } from "../backends/registry.ts";
import type { NodeIr } from "../ir/ir.ts";
import type { Spec } from "../spec/schema.ts";
import { verifyProgram } from "../verify/verify.ts";
import { type Compiled, compiledAt, orForeign } from "./compiled.ts";
import { type Context, remark } from "./context.ts";
import { TroubleError, UsageError } from "./exit.ts";
import { chosenNodes, type NodeOptions } from "./nodes.ts";
import type { Subject } from "./verify.ts";

/**
 * The artifacts of a compiled folder, to be held against the spec that is given with it. Throws UsageError for what is
 * no compiled folder, TroubleError for one that was made from another spec.
 */
export async function compiledSubjects(
  context: Context,
  spec: Spec,
  path: string,
  options: NodeOptions,
  wanted: readonly BackendName[] | null,
): Promise<readonly Subject[]> {
  const { node } = options;
  const folders = compiledAt([path], node === undefined ? {} : { node });
  if (folders === null) throw new UsageError(`--compiled ${path}: this is no folder that weir compile wrote`);
  const digest = digestOfSpec(spec);
  const subjects = folders.map((folder) => subjectOf(folder, spec, digest, options, wanted));
  const names = new Set(folders.map((folder) => folder.node));
  const missing = spec.nodes.filter(({ name }) => node === undefined && !names.has(name)).map(({ name }) => name);
  if (missing.length > 0) await remark(context, `${path} has nothing for ${missing.join(", ")}`);
  return subjects;
}

function subjectOf(
  folder: Compiled,
  spec: Spec,
  digest: Digest,
  options: NodeOptions,
  wanted: readonly BackendName[] | null,
): Subject {
  const { path, node, backends } = folder;
  if (folder.spec !== digest) {
    throw new TroubleError(`${path} was compiled from another spec than this one: compile it again`);
  }
  const missing = wanted?.find((backend) => !backends.includes(backend));
  if (missing !== undefined) {
    throw new UsageError(`${path} was compiled for ${backends.join(", ")}, not for ${missing}`);
  }
  const [chosen] = chosenNodes(spec, { ...options, node: [node] });
  return {
    name: node,
    overrides: chosen?.overrides ?? {},
    backends: wanted ?? backends,
    check: async (ir, backend) => {
      assertSameAddresses(folder, ir);
      const { parse } = await loadBackend(backend);
      const report = await orForeign(folder, async () => verifyProgram(ir, backend, parse(folder.filesOf(backend))));
      return { report, diagnostics: [] };
    },
  };
}

/** The addresses may have come from the command line of `weir compile`. */
function assertSameAddresses({ path, addresses }: Compiled, { node }: NodeIr): void {
  const [own, now] = [addresses, node.addresses].map((list) => list.map(({ text }) => text).join(","));
  if (own === now) return;
  throw new TroubleError(
    `${path} was compiled for a node with the addresses ${own}, not ${now}: give --node and --node-address as it was compiled`,
  );
}
