import { agrees, meaningFor } from "../backends/agreement.ts";
import type { BackendName } from "../backends/backend.ts";
import type { Choice, Outcome, Packet } from "../backends/packet.ts";
import type { OtherKind } from "../backends/simulation.ts";
import type { Memory, Simulator, Way } from "../backends/simulator.ts";
import { decide, sourceClassOf } from "../ir/decide.ts";
import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { one } from "../net/fraction.ts";
import { InternalError } from "../result.ts";
import { neighboursOf } from "./clients.ts";
import type { Difference, VerifyReport } from "./difference.ts";
import { OtherPackets } from "./others.ts";
import { foreignMarkOf, traceComplaint } from "./traces.ts";

/** One packet, and what must become of it. */
interface Asked
  extends Pick<Difference, "packet" | "expected" | "remembered" | "client" | "isGone" | "secondsLater" | "other"> {
  readonly frontend: IrFrontend | null;
  readonly memory: Memory;
}

type Seen = Pick<Way, "end" | "share" | "path">;

/** Counts classes and keeps differences. */
export class Verifier {
  readonly #meaning: NodeIr;
  readonly #backend: BackendName;
  readonly #simulator: Simulator;
  readonly #mostDifferences: number;
  readonly #differences: Difference[] = [];
  /** Frontends and kinds of sources whose clients have come a second time. */
  readonly #returned = new Set<string>();
  readonly #others: OtherPackets;
  readonly #foreignMark: number;
  #classes = 0;
  #differing = 0;

  constructor(ir: NodeIr, backend: BackendName, simulator: Simulator, mostDifferences: number) {
    this.#meaning = meaningFor(backend, ir);
    this.#backend = backend;
    this.#simulator = simulator;
    this.#mostDifferences = mostDifferences;
    this.#others = new OtherPackets(ir, backend);
    this.#foreignMark = foreignMarkOf(ir);
  }

  get hasDifference(): boolean {
    return this.#differing > 0;
  }

  report(): VerifyReport {
    const [backend, classes] = [this.#backend, this.#classes];
    return { backend, classes, differing: this.#differing, differences: this.#differences };
  }

  verify(packet: Packet, frontend: IrFrontend | null): void {
    const expected = this.#expectedOf(packet);
    const asked: Asked = {
      packet,
      frontend,
      expected,
      remembered: null,
      client: null,
      isGone: false,
      secondsLater: 0,
      memory: undefined,
      other: null,
    };
    const ways = this.#compare(asked);
    if (this.#simulator.sendWithoutRules !== undefined) this.#compareBare(asked);
    for (const kind of this.#others.kindsFor(packet, frontend, expected)) this.#compareOther(asked, kind);
    if (frontend === null || ways === null || expected.verdict !== "endpoints") return;
    this.#again(asked, frontend, expected.choices, ways);
  }

  /** Whoever asks for the proxy's own ports would get around source ranges and policies, which no spec knows of. */
  #expectedOf(packet: Packet): Outcome {
    const decided = decide(this.#meaning, packet);
    const isOwn = decided.verdict === "pass" && this.#simulator.isForOwnListener(packet);
    return isOwn ? { verdict: "reject", key: null } : decided;
  }

  /**
   * The same client once more. With affinity it must get the endpoint that it had, whichever that was, until its time is
   * over; without, the kernel must not remember. Who the client is changes nothing of that but by the route, so one of
   * each kind is tried.
   */
  #again(first: Asked, frontend: IrFrontend, choices: readonly Choice[], ways: readonly Way[]): void {
    const { destination, protocol, port } = first.packet;
    const kind = `${destination.text} ${protocol} ${port} ${sourceClassOf(this.#meaning, first.packet)}`;
    if (choices.length < 2 || this.#returned.has(kind)) return;
    this.#returned.add(kind);
    const { affinity, key } = frontend;
    const tried = new Set<Choice>();
    for (const { end, memory } of ways) {
      if (end.kind !== "translated") continue;
      const had = choices.find((choice) => isSamePlace(choice, end));
      if (had === undefined || tried.has(had)) continue;
      tried.add(had);
      const again = { ...first, remembered: had, memory };
      const expected = (list: readonly Choice[]): Outcome => ({ verdict: "endpoints", key, choices: list });
      if (affinity === null) {
        // a scheduler that hashes clients sends them back by itself: shares that nobody can tell may come to one
        if (had.share !== null) this.#compare({ ...again, expected: expected(choices) });
        return;
      }
      const kept = expected([{ ...had, share: one }]);
      const secondsLater = affinity.timeoutSeconds - 1;
      const [renewed] = this.#compare({ ...again, expected: kept, secondsLater }) ?? [];
      // what hashes clients remembers nothing and forgets nothing
      if (ways.some(({ share }) => share === null)) continue;
      this.#compare({ ...again, expected: expected(choices), secondsLater: affinity.timeoutSeconds });
      if (tried.size > 1) continue;
      // having come again, it is remembered anew
      if (renewed !== undefined) this.#compare({ ...again, memory: renewed.memory, expected: kept, secondsLater });
      this.#beside(again, frontend, choices);
    }
  }

  /**
   * Clients beside one that is remembered, and itself when its endpoint has gone: it is sent to another, and that one is
   * remembered from then on.
   */
  #beside(again: Asked, frontend: IrFrontend, choices: readonly Choice[]): void {
    const { packet, remembered } = again;
    if (remembered === null) return;
    const { partner, stranger } = neighboursOf(this.#meaning, frontend, packet);
    const to = (list: readonly Choice[]): Outcome => ({ verdict: "endpoints", key: frontend.key, choices: list });
    if (stranger !== null) {
      this.#compare({ ...again, packet: stranger, client: packet.source, expected: this.#expectedOf(stranger) });
    }
    const expected = partner === null ? null : this.#expectedOf(partner);
    if (partner !== null && expected?.verdict === "endpoints") {
      const kept = expected.choices.filter((choice) => isSamePlace(choice, remembered));
      const list = kept.map((choice) => ({ ...choice, share: one }));
      this.#compare({ ...again, packet: partner, client: packet.source, expected: to(list) });
    }
    const memory = this.#simulator.withoutEndpoints(again.memory);
    const ways = this.#compare({ ...again, memory, isGone: true, expected: to(choices) }) ?? [];
    const [first] = ways;
    const next = choices.find((choice) => first?.end.kind === "translated" && isSamePlace(choice, first.end));
    if (first === undefined || next === undefined) return;
    this.#compare({ ...again, memory: first.memory, remembered: next, expected: to([{ ...next, share: one }]) });
  }

  /** The ways that the rules let the packet take, if they are those expected. */
  #compare(asked: Asked): readonly Way[] | null {
    const { packet, frontend, expected } = asked;
    this.#classes++;
    const sent = this.#follow(() => this.#simulator.send(packet, asked.memory, asked.secondsLater));
    if (typeof sent === "string") return this.#differ(asked, [], null, sent);
    const isHashed = this.#backend === "ipvs" && frontend !== null && frontend.affinity !== null;
    if (!agrees(this.#backend, expected, sent, isHashed)) return this.#differ(asked, sent, null, null);
    const complaint = this.#complaintOf(sent);
    return complaint === null ? sent : this.#differ(asked, sent, complaint, null);
  }

  #complaintOf(ways: readonly Way[]): string | null {
    for (const { traces, end } of ways) {
      if (traces === null) continue;
      const found = traceComplaint(this.#backend, traces, end.kind === "translated", this.#foreignMark);
      if (found !== null) return found;
    }
    return null;
  }

  #compareOther(asked: Asked, other: OtherKind): void {
    const { packet, frontend } = asked;
    this.#classes++;
    const sent = this.#follow(() => this.#simulator.sendOther(packet, other));
    const isLetIn = asked.expected.verdict === "endpoints";
    const about: Asked = { ...asked, other, expected: { verdict: "pass" } };
    if (typeof sent === "string") {
      this.#differ(about, [], null, sent);
      return;
    }
    for (const way of sent) {
      const complaint = this.#others.complaint(packet, other, frontend, way, isLetIn, this.#foreignMark);
      if (complaint !== null) return void this.#differ(about, [{ ...way, share: one }], complaint, null);
    }
  }

  /** What the proxy does where no rules stand before it; nobody comes to a socket of its but for a service. */
  #compareBare(asked: Asked): void {
    const { packet, frontend, expected } = asked;
    const sent = this.#follow(() => this.#simulator.sendWithoutRules?.(packet) ?? null);
    const wanted: Outcome = frontend === null ? { verdict: "pass" } : expected;
    if (typeof sent === "string") this.#differ(asked, [], null, sent);
    else if (sent !== null && !agrees(this.#backend, wanted, sent)) this.#differ(asked, sent, "without rules", null);
  }

  #differ(asked: Asked, ways: readonly Seen[], complaint: string | null, broken: string | null): null {
    this.#differing++;
    if (this.#differences.length >= this.#mostDifferences) return null;
    const { packet, expected, remembered, client, isGone, secondsLater, other, frontend } = asked;
    this.#differences.push({
      backend: this.#backend,
      packet,
      remembered,
      client,
      isGone,
      secondsLater,
      expected,
      origin: frontend?.origin ?? null,
      got: ways.map((way) => ({ end: way.end, share: way.share, path: way.path() })),
      other,
      complaint,
      broken,
    });
    return null;
  }

  /** Rules that lead nowhere, to a chain that is not there for instance, are found here and not in production. */
  #follow<T>(send: () => T): T | string {
    try {
      return send();
    } catch (error) {
      if (error instanceof InternalError) return error.message;
      throw error;
    }
  }
}

function isSamePlace(a: Pick<Choice, "address" | "port">, b: Pick<Choice, "address" | "port">): boolean {
  return a.address.text === b.address.text && a.port === b.port;
}
