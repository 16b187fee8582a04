import { type BackendName, compileBackend, decide, irOf, type NodeIr, textOf } from "../../compiler/index.ts";
import { frontendOf } from "../../compiler/ir/lookup.ts";
import { addressFromBits, type Prefix } from "../../compiler/net/address.ts";
import type { LabRow } from "../../runtime/lab/expectation.ts";
import type { LoaderName } from "../../runtime/lab/loaders.ts";
import { expectationOf } from "../../runtime/lab/world.ts";
import { fixturesFolder, loadInputs, type PacketRow } from "./fixtures.ts";

/** A fixture as one node serves it, compiled by one backend. */
export interface CompiledFixture {
  readonly ir: NodeIr;
  readonly podRanges: readonly Prefix[];
  readonly files: ReadonlyMap<string, string>;
  /** Why the backend cannot express it; then there are no files. */
  readonly refusal: string | null;
}

export async function compileFixture(name: string, node: string, backend: BackendName): Promise<CompiledFixture> {
  const { spec } = await loadInputs(`${fixturesFolder}/${name}`);
  const { ir } = irOf(spec, node);
  const artifact = await compileBackend(ir, backend);
  const error = artifact.diagnostics.find((finding) => finding.severity === "error");
  return {
    ir,
    podRanges: spec.nodes.find((each) => each.name === node)?.pods ?? [],
    files: new Map(artifact.files.map((file) => [file.path, textOf(file)])),
    refusal: error === undefined ? null : `${error.code}: ${error.message}`,
  };
}

/** Whose artifact a loader loads. */
export function backendOf(loader: LoaderName): BackendName {
  return loader === "nftables" ? "nftables" : "iptables";
}

export function labRow({ label, packet, expected }: PacketRow): LabRow {
  return { label, packet, expect: expectationOf(expected) };
}

/** Whether connections of one client to this frontend stay at one endpoint. */
export function isSticky(ir: NodeIr, { packet }: LabRow): boolean {
  return (frontendOf(ir, packet.destination, packet.protocol, packet.port)?.affinity ?? null) !== null;
}

const clients = 48;

/**
 * The same packet from 48 more clients near the first one. With a choice of two or more, and no endpoint that has most of it,
 * the chance that all of them reach the same is below one in 10^7.
 */
export function moreClients(ir: NodeIr, row: LabRow): readonly LabRow[] {
  const { source } = row.packet;
  const known = new Set(
    ir.services.flatMap(({ frontends }) =>
      frontends.flatMap(({ routes }) => routes.flatMap(({ pool }) => pool.endpoints.map((each) => each.address.text))),
    ),
  );
  const base = (source.bits >> 6n) << 6n;
  const rows: LabRow[] = [];
  for (let offset = 1n; offset < 63n && rows.length < clients; offset++) {
    const address = addressFromBits(source.family, (base ^ (1n << 6n)) | offset);
    if (known.has(address.text)) continue;
    const packet = { ...row.packet, source: address };
    rows.push({ label: `${row.label}, from ${address.text}`, packet, expect: expectationOf(decide(ir, packet)) });
  }
  return rows;
}
