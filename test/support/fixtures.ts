import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Choice, Outcome, Packet } from "../../compiler/backends/packet.ts";
import type { Io } from "../../compiler/cli/io.ts";
import { type LoadedSpec, loadSpec } from "../../compiler/cli/load.ts";
import { type IpAddress, parseAddress } from "../../compiler/net/address.ts";
import { fraction } from "../../compiler/net/fraction.ts";
import { parsePort, protocols } from "../../compiler/net/port.ts";
import { languageOf } from "../../compiler/pipeline.ts";
import type { Result } from "../../compiler/result.ts";

/** Relative to the root of the checkout, where tests run, so that findings name places as a user there sees them. */
export const fixturesFolder = "fixtures";

/** The feature fixtures in the order of their numbers. */
export const fixtureNames: readonly string[] = readdirSync(fixturesFolder)
  .filter((name) => /^[0-9]{2}-/.test(name))
  .sort();

/** Files directly in the folder; what lies in subfolders is theirs to include. */
export function inputsOf(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => languageOf(name) !== null && name !== "packets.yaml")
    .sort()
    .map((name) => join(folder, name));
}

const silent = { isTerminal: false, write: () => Promise.resolve() };

const io: Io = {
  stdout: silent,
  stderr: silent,
  readStdin: () => Promise.reject(new Error("a fixture has no standard input")),
  environment: {},
};

/** Reads a feature fixture's inputs as the command line does. */
export function loadInputs(folder: string): Promise<LoadedSpec> {
  return loadSpec(inputsOf(folder), null, io);
}

/** Reads a whole folder as the command line does. */
export function loadFolder(folder: string): Promise<LoadedSpec> {
  return loadSpec([folder], null, io);
}

/** What packets.yaml says of one packet: the outcome without the service's key. */
export type ExpectedOutcome =
  | { readonly verdict: "endpoints"; readonly choices: readonly Choice[] }
  | { readonly verdict: "drop" | "reject" | "pass" };

export interface PacketRow {
  /** `tcp 10.244.9.9 -> 10.96.0.10:80`, and ` via cni0` where the table says so. */
  readonly label: string;
  readonly packet: Packet;
  readonly expected: ExpectedOutcome;
}

export interface PacketTable {
  readonly node: string;
  readonly rows: readonly PacketRow[];
}

const masqueradeWords = z.enum(["yes", "no", "hairpin"]);
const shareText = z.union([z.literal(1), z.string().regex(/^([0-9]+\/[0-9]+|\?)$/)]);
const common = { send: z.string(), via: z.string().optional(), why: z.string().optional() };
const rowSchema = z.union([
  z.strictObject({ ...common, reaches: z.record(z.string(), shareText), masquerade: masqueradeWords }),
  z.strictObject({ ...common, verdict: z.enum(["dropped", "rejected", "not-ours"]) }),
]);
const tablesSchema = z.strictObject({
  tables: z.array(z.strictObject({ node: z.string(), packets: z.array(rowSchema).min(1) })).min(1),
});

type Row = z.infer<typeof rowSchema>;

const verdicts = { dropped: "drop", rejected: "reject", "not-ours": "pass" } as const;

/** The packet tables of a fixture. */
export function packetTables(name: string): readonly PacketTable[] {
  const path = join(fixturesFolder, name, "packets.yaml");
  const { tables } = tablesSchema.parse(parse(readFileSync(path, "utf8")));
  return tables.map(({ node, packets }) => ({ node, rows: packets.map(rowOf) }));
}

function rowOf(row: Row): PacketRow {
  const packet = packetOf(row.send, row.via ?? null);
  const label = row.via === undefined ? row.send : `${row.send} via ${row.via}`;
  if ("verdict" in row) return { label, packet, expected: { verdict: verdicts[row.verdict] } };
  const choices = Object.entries(row.reaches).map(([place, share]) => {
    const { address, port } = socketOf(place);
    const isSource = address.text === packet.source.text;
    return {
      address,
      port,
      share: shareOf(share),
      masquerade: row.masquerade === "yes" || (row.masquerade === "hairpin" && isSource),
    };
  });
  return { label, packet, expected: { verdict: "endpoints", choices } };
}

function parsed<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

/** `tcp 10.244.9.9 -> 10.96.0.10:80` as a packet that came in by the interface, or by none that is known. */
export function packetOf(text: string, inputInterface: string | null): Packet {
  const match = /^(\S+) (\S+) -> (\S+)$/.exec(text);
  const protocol = protocols.find((known) => known === match?.[1]);
  if (match === null || protocol === undefined) throw new Error(`this is no packet: ${text}`);
  const { address, port } = socketOf(match[3] ?? "");
  return { protocol, source: parsed(parseAddress(match[2] ?? "")), destination: address, port, inputInterface };
}

/** `10.96.0.10:80` or `[fd00::10]:80`. */
function socketOf(text: string): { readonly address: IpAddress; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([0-9.]+)):([0-9]+)$/.exec(text);
  if (match === null) throw new Error(`this is no address and port: ${text}`);
  return { address: parsed(parseAddress(match[1] ?? match[2] ?? "")), port: parsed(parsePort(match[3] ?? "")) };
}

function shareOf(share: string | 1): Choice["share"] {
  if (share === 1) return fraction(1, 1);
  if (share === "?") return null;
  const [numerator = "0", denominator = "1"] = share.split("/");
  return fraction(BigInt(numerator), BigInt(denominator));
}

/** An outcome as lines to compare and to read: shares in lowest terms, endpoints in the order of their text. */
export function describeOutcome(outcome: Outcome | ExpectedOutcome): readonly string[] {
  if (outcome.verdict !== "endpoints") return [outcome.verdict];
  return outcome.choices
    .map((choice) => {
      const share = choice.share === null ? "?" : `${choice.share.numerator}/${choice.share.denominator}`;
      const place = choice.address.family === "ipv6" ? `[${choice.address.text}]` : choice.address.text;
      return `${place}:${choice.port} ${share}${choice.masquerade ? " masqueraded" : ""}`;
    })
    .sort();
}
