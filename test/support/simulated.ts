import type { BackendName } from "../../compiler/backends/backend.ts";
import type { Packet } from "../../compiler/backends/packet.ts";
import { type End, type Ending, endingsOf } from "../../compiler/backends/simulation.ts";
import { loadSimulator, type Simulator } from "../../compiler/backends/simulator.ts";
import { formatEndings } from "../../compiler/expect/words.ts";
import { loadBackend } from "../../compiler/index.ts";
import { type IpAddress, parseAddress } from "../../compiler/net/address.ts";
import { describeSeen } from "../../runtime/lab/expectation.ts";
import type { Seen } from "../../runtime/lab/protocol.ts";
import type { RowReport } from "../../runtime/lab/trial.ts";
import type { CompiledFixture } from "./kernel-fixtures.ts";

/** Follows a packet through an artifact that was read back. */
type Follow = (packet: Packet) => readonly Ending[];

async function followerOf(compiled: CompiledFixture, backend: BackendName): Promise<Follow> {
  const surroundings = { nodeAddresses: compiled.ir.node.addresses };
  const program = (await loadBackend(backend)).parse(compiled.files);
  const simulator: Simulator = (await loadSimulator(backend)).open(program, surroundings);
  return (packet) => endingsOf(simulator.send(packet).map((way) => ({ ...way, path: [] })));
}

function isSame(text: string, address: IpAddress): boolean {
  const parsed = parseAddress(text);
  return parsed.ok && parsed.value.text === address.text;
}

/** Whether a connection through the kernel ended as this end of the simulator says. */
function isSeen(end: End, packet: Packet, seen: Seen, nodeAddresses: readonly IpAddress[]): boolean {
  switch (end.kind) {
    case "reject":
      return seen.kind === "refused";
    case "drop":
      return seen.kind === "silent";
    case "pass":
      return isAnsweredBy(seen, packet.destination, packet.port) && isSource(seen, packet, false, nodeAddresses);
    case "translated":
      return isAnsweredBy(seen, end.address, end.port) && isSource(seen, packet, end.masquerade, nodeAddresses);
  }
}

function isAnsweredBy(seen: Seen, address: IpAddress, port: number): boolean {
  return seen.kind === "answered" && seen.by.localPort === port && isSame(seen.by.localAddress, address);
}

function isSource(seen: Seen, packet: Packet, masquerade: boolean, nodeAddresses: readonly IpAddress[]): boolean {
  if (seen.kind !== "answered") return false;
  const { remoteAddress } = seen.by;
  return masquerade ? nodeAddresses.some((own) => isSame(remoteAddress, own)) : isSame(remoteAddress, packet.source);
}

export interface Compared {
  /** Packets whose connections through the kernel were held against the simulator. */
  readonly packets: number;
  readonly wrong: readonly string[];
}

/**
 * Holds what real connections did against the backend's simulator, on the artifact read back; what the spec means has no
 * part in it.
 */
export async function compareWithSimulator(
  compiled: CompiledFixture,
  backend: BackendName,
  reports: readonly RowReport[],
  nodeAddresses: readonly IpAddress[],
): Promise<Compared> {
  const follow = await followerOf(compiled, backend);
  const wrong = reports.flatMap(({ row, seen }) => {
    const endings = follow(row.packet);
    const strange = seen.filter((one) => !endings.some(({ end }) => isSeen(end, row.packet, one, nodeAddresses)));
    const words = new Set(strange.map(describeSeen));
    return [...words].map((what) => `${row.label}: ${what}, the simulator says ${formatEndings(endings)}`);
  });
  return { packets: reports.length, wrong };
}
