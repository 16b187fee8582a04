import { type BackendName, compileBackend, decide, irOf, type NodeIr, textOf } from "../../compiler/index.ts";
import { frontendOf } from "../../compiler/ir/lookup.ts";
import { addressFromBits, addressWidth, type Prefix } from "../../compiler/net/address.ts";
import type { Spec } from "../../compiler/spec/schema.ts";
import type { LabRow } from "../../runtime/lab/expectation.ts";
import type { LoaderName } from "../../runtime/lab/loaders.ts";
import { expectationOf, worldOf } from "../../runtime/lab/world.ts";
import { fixtureNames, fixturesFolder, loadInputs, type PacketRow, packetTables } from "./fixtures.ts";

/** A fixture as one node serves it, compiled by one backend. */
export interface CompiledFixture {
  readonly ir: NodeIr;
  readonly podRanges: readonly Prefix[];
  readonly files: ReadonlyMap<string, string>;
  /** Why the backend cannot express it; then there are no files. */
  readonly refusal: string | null;
}

export async function compileFixture(name: string, node: string, backend: BackendName): Promise<CompiledFixture> {
  const { spec, diagnostics } = await loadInputs(`${fixturesFolder}/${name}`);
  const wrong = diagnostics.find((finding) => finding.severity === "error");
  if (wrong !== undefined) throw new Error(`${name}: ${wrong.code}: ${wrong.message}`);
  return compileSpec(spec, node, backend);
}

/** The same for a spec without errors. */
export async function compileSpec(spec: Spec, node: string, backend: BackendName): Promise<CompiledFixture> {
  const { ir, diagnostics } = irOf(spec, node);
  const wrong = diagnostics.find((finding) => finding.severity === "error");
  if (wrong !== undefined) throw new Error(`${node}: ${wrong.code}: ${wrong.message}`);
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

/** An affinity without a netmask tells single addresses apart, one with a netmask only networks of that length. */
function clientStep(ir: NodeIr, { packet }: LabRow): bigint {
  const netmask = frontendOf(ir, packet.destination, packet.protocol, packet.port)?.affinity?.netmask ?? null;
  const { family } = packet.source;
  return netmask === null ? 1n : 1n << BigInt(addressWidth(family) - netmask[family]);
}

/**
 * The same packet from 48 more clients, each told apart by affinity, who have a choice too. Unless one endpoint
 * has most of the share, the chance that all of them reach the same is below one in 10^7.
 */
export function moreClients(ir: NodeIr, row: LabRow): readonly LabRow[] {
  const { source } = row.packet;
  const known = new Set(worldOf(ir, [], []).endpoints.map((endpoint) => endpoint.address.text));
  const step = clientStep(ir, row);
  const rows: LabRow[] = [];
  for (let count = 1n; count < 200n && rows.length < clients; count++) {
    const address = addressFromBits(source.family, source.bits + count * step);
    const packet = { ...row.packet, source: address };
    const expect = expectationOf(decide(ir, packet));
    if (known.has(address.text) || expect.verdict !== "endpoints" || expect.endpoints.length < 2) continue;
    rows.push({ label: `${row.label}, from ${address.text}`, packet, expect });
  }
  return rows;
}

/** Every fixture with each node that a packet table of it is about. */
export function fixtureNodes(): readonly { readonly name: string; readonly node: string }[] {
  return fixtureNames.flatMap((name) => {
    const nodes = new Set(packetTables(name).map(({ node }) => node));
    return [...nodes].map((node) => ({ name, node }));
  });
}
