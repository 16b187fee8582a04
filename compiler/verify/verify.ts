import type { ArtifactFile, BackendName } from "../backends/backend.ts";
import type { Choice, Outcome, Packet } from "../backends/packet.ts";
import { loadBackend } from "../backends/registry.ts";
import type { Ending } from "../backends/simulation.ts";
import { loadSimulator, type Memory, type PathStep, type Simulator, type Way } from "../backends/simulator.ts";
import { textsOf } from "../backends/text.ts";
import { decide, sourceClassOf } from "../ir/decide.ts";
import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { one } from "../net/fraction.ts";
import { InternalError } from "../result.ts";
import type { Location } from "../source.ts";
import { packetClasses } from "./classes.ts";
import { agrees, mayRefuse, meaningFor } from "./compare.ts";

/** One way that the rules let a packet take. */
export interface SeenWay extends Ending {
  readonly path: readonly PathStep[];
}

/** A packet that the rules do not treat as the spec means. */
export interface Difference {
  readonly backend: BackendName;
  readonly packet: Packet;
  /** The endpoint that the client had before, where the difference shows only then. */
  readonly remembered: Choice | null;
  readonly expected: Outcome;
  /** The service's place in the spec; null where no service is concerned. */
  readonly origin: Location | null;
  readonly got: readonly SeenWay[];
  /** Why the rules cannot be followed at all; null where they can. */
  readonly broken: string | null;
}

export interface VerifyReport {
  readonly backend: BackendName;
  /** Classes of packets that were decided and followed; a client that is remembered is a class of its own. */
  readonly classes: number;
  /** How many of them differ. */
  readonly differing: number;
  /** The first ones of them. */
  readonly differences: readonly Difference[];
}

export interface VerifyOptions {
  /** Only packets for these service ports; null is all packets. */
  readonly keys?: ReadonlySet<string> | null;
  readonly mostDifferences?: number;
}

/**
 * Holds a program against the meaning of the spec, for every class of packets. `program` is what `parse` of the backend
 * made of the artifact, so that the printer is held to it as well.
 */
export async function verifyProgram(
  ir: NodeIr,
  backend: BackendName,
  program: unknown,
  { keys = null, mostDifferences = 20 }: VerifyOptions = {},
): Promise<VerifyReport> {
  const kind = await loadSimulator(backend);
  const simulator = kind.open(program, { nodeAddresses: ir.node.addresses });
  const verifier = new Verifier(ir, backend, simulator, mostDifferences);
  for (const { packet, frontend } of packetClasses(ir, kind.conditions(program), keys)) {
    verifier.verify(packet, frontend);
  }
  return verifier.report();
}

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

/** Counts classes and keeps differences. */
class Verifier {
  readonly #meaning: NodeIr;
  readonly #backend: BackendName;
  readonly #simulator: Simulator;
  readonly #mostDifferences: number;
  readonly #differences: Difference[] = [];
  /** Frontends and kinds of sources whose clients have come a second time. */
  readonly #returned = new Set<string>();
  #classes = 0;
  #differing = 0;

  constructor(ir: NodeIr, backend: BackendName, simulator: Simulator, mostDifferences: number) {
    this.#meaning = meaningFor(backend, ir);
    this.#backend = backend;
    this.#simulator = simulator;
    this.#mostDifferences = mostDifferences;
  }

  report(): VerifyReport {
    const [backend, classes] = [this.#backend, this.#classes];
    return { backend, classes, differing: this.#differing, differences: this.#differences };
  }

  verify(packet: Packet, frontend: IrFrontend | null): void {
    const expected = decide(this.#meaning, packet);
    const ways = this.#compare(packet, frontend, expected, null, undefined);
    if (frontend === null || ways === null || expected.verdict !== "endpoints") return;
    this.#again(packet, frontend, expected.choices, ways);
  }

  /**
   * The same client once more. With affinity it must get the endpoint that it had, whichever that was; without, the
   * kernel must not remember. Who the client is changes nothing of that but by the route, so one of each kind is tried.
   */
  #again(packet: Packet, frontend: IrFrontend, choices: readonly Choice[], ways: readonly Way[]): void {
    const { destination, protocol, port } = packet;
    const kind = `${destination.text} ${protocol} ${port} ${sourceClassOf(this.#meaning, packet)}`;
    if (choices.length < 2 || this.#returned.has(kind)) return;
    this.#returned.add(kind);
    const tried = new Set<Choice>();
    for (const { end, memory } of ways) {
      if (end.kind !== "translated") continue;
      const had = choices.find((choice) => choice.address.text === end.address.text && choice.port === end.port);
      if (had === undefined || tried.has(had)) continue;
      tried.add(had);
      // a scheduler that hashes clients sends them back by itself: shares that nobody can tell may come to one
      if (frontend.affinity === null && had.share === null) return;
      const next: readonly Choice[] = frontend.affinity === null ? choices : [{ ...had, share: one }];
      this.#compare(packet, frontend, { verdict: "endpoints", key: frontend.key, choices: next }, had, memory);
      if (frontend.affinity === null) return;
    }
  }

  /** The ways that the rules let the packet take, if they are those expected. */
  #compare(
    packet: Packet,
    frontend: IrFrontend | null,
    expected: Outcome,
    remembered: Choice | null,
    memory: Memory,
  ): readonly Way[] | null {
    this.#classes++;
    const sent = this.#send(packet, memory);
    if (typeof sent !== "string" && this.#isRight(packet, expected, sent)) return sent;
    this.#differing++;
    if (this.#differences.length >= this.#mostDifferences) return null;
    const isBroken = typeof sent === "string";
    this.#differences.push({
      backend: this.#backend,
      packet,
      remembered,
      expected,
      origin: frontend?.origin ?? null,
      got: isBroken ? [] : sent.map((way) => ({ end: way.end, share: way.share, path: way.path() })),
      broken: isBroken ? sent : null,
    });
    return null;
  }

  #isRight(packet: Packet, expected: Outcome, sent: readonly Way[]): boolean {
    if (agrees(this.#backend, expected, sent)) return true;
    const isRefusal = mayRefuse(this.#backend, this.#meaning, packet, expected);
    return isRefusal && agrees(this.#backend, { verdict: "reject", key: null }, sent);
  }

  /** Rules that lead nowhere, to a chain that is not there for instance, are found here and not in production. */
  #send(packet: Packet, memory: Memory): readonly Way[] | string {
    try {
      return this.#simulator.send(packet, memory);
    } catch (error) {
      if (error instanceof InternalError) return error.message;
      throw error;
    }
  }
}
