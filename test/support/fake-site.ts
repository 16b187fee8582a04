import { digestOf } from "../../compiler/artifact/digest.ts";
import type { Step } from "../../compiler/backends/step.ts";
import type { BoundPlane, PlaneView } from "../../runtime/apply/planes.ts";
import type { Site } from "../../runtime/apply/site.ts";
import type { Applied, Desired } from "../../runtime/desired/desired.ts";
import { HostError } from "../../runtime/host/error.ts";
import { linuxHost } from "../../runtime/host/linux-host.ts";
import type { PlaneName } from "../../runtime/planes/plane.ts";
import { stateWriter } from "../../runtime/state/state.ts";

/** What planes hold, as lines; an artifact is the lines of its one file. */
export type FakeKernel = Record<PlaneName, readonly string[]>;

export function emptyKernel(): FakeKernel {
  return { nftables: [], iptables: [], ipvs: [] };
}

export interface FakeSite {
  readonly site: Site;
  readonly kernel: FakeKernel;
  /** Every step that was carried out: `nftables +a -b`, `nftables flows`. */
  readonly log: string[];
  /** Called before each step; what it throws is the step's failure. */
  onStep: (name: string) => void;
  /** What the kernel makes of a line that is added; it takes all as they are at first. */
  distort: (line: string) => string | null;
  /** How many objects of ipvs wait for their connections. */
  waiting: number;
  keepers: number;
  /** Transactions of the plane nftables, by whomever; null: this kernel does not count them. */
  count: number | null;
  /** Whether planes that count nothing may be assumed to hold what was read back last. */
  mayAssume: boolean;
  /** Whether what is known of planes is what is wanted of them. */
  suits: boolean;
  /** Every look at a plane; with ` but rules` where its rules in the tables of nftables were left out. */
  readonly reads: string[];
  /** Called when a plane has just been read. */
  onRead: (plane: PlaneName) => void;
}

const kindOf = { nftables: "nft", iptables: "iptables", ipvs: "ipset" } as const;
const planeOfKind: Readonly<Record<string, PlaneName>> = { nft: "nftables", iptables: "iptables", ipset: "ipvs" };

/** A desired state of one node, without any spec. */
export function fakeDesired(backend: Desired["backend"], lines: readonly string[], node = "worker-1"): Desired {
  const path = `${backend}/rules`;
  const text = lines.join("\n");
  const digest = (value: string): string => digestOf([Buffer.from(value)]);
  return {
    node,
    backend,
    from: "test",
    sources: "{}",
    files: new Map([[path, text]]),
    manifest: {
      format: 1,
      node,
      addresses: [],
      spec: digest("spec"),
      requirements: { [backend]: [] },
      files: { [path]: { bytes: text.length, digest: digest(text) } },
    },
  };
}

function linesOf(applied: Applied | null): readonly string[] {
  return [...(applied?.files.values() ?? [])].flatMap((text) => text.split("\n")).filter((line) => line !== "");
}

function change(plane: PlaneName, before: readonly string[], after: readonly string[]): readonly Step[] {
  const added = after.filter((line) => !before.includes(line));
  const removed = before.filter((line) => !after.includes(line));
  if (added.length + removed.length === 0) return [];
  const operations = [
    ...added.map((name) => ({ action: "add", object: "line", name, key: null }) as const),
    ...removed.map((name) => ({ action: "delete", object: "line", name, key: null }) as const),
  ];
  const input = [...added.map((line) => `+${line}`), ...removed.map((line) => `-${line}`)];
  const kind = kindOf[plane];
  const step: Step =
    kind === "iptables" ? { kind, family: "ipv4", flavour: null, operations, input } : { kind, operations, input };
  return removed.length > 0 ? [step, { kind: "flows", operations: [], flows: [] }] : [step];
}

function plane(name: PlaneName, fake: FakeSite): BoundPlane {
  const viewOf = (lines: readonly string[]): PlaneView => ({
    name,
    isEmpty: lines.length === 0,
    foreign: [],
    snapshot: { lines: lines.join("\n") },
    plan: async (after) => change(name, lines, linesOf(after)),
    restore: (snapshot) =>
      change(
        name,
        lines,
        (snapshot.lines ?? "").split("\n").filter((line) => line !== ""),
      ),
  });
  return {
    name,
    observe: async (_host, _known, unchanged) => {
      const view = viewOf(fake.kernel[name]);
      fake.reads.push(unchanged === undefined ? name : `${name} but rules`);
      fake.onRead(name);
      return view;
    },
    assume: async (applied) => viewOf(linesOf(applied)),
    unchanged: (applied) => viewOf(linesOf(applied)),
    facts: () => ({}),
    generation: async () => (name === "nftables" && fake.count !== null ? `boot ${fake.count}` : null),
    mayAssume: () => fake.mayAssume,
    suits: () => fake.suits,
    rulesIn: name === "ipvs" ? "nftables" : null,
    drain:
      name !== "ipvs"
        ? null
        : async (_host, _known, _after, isOverdue) => {
            if (isOverdue) fake.waiting = 0;
            return { steps: [], waiting: fake.waiting };
          },
  };
}

/** A node whose kernel is a record of lines, with a real state folder. */
export function fakeSite(stateFolder: string, kernel: FakeKernel = emptyKernel()): FakeSite {
  const log: string[] = [];
  const fake: Omit<FakeSite, "site"> = {
    kernel,
    log,
    onStep: () => {},
    distort: (line) => line,
    waiting: 0,
    keepers: 0,
    count: null,
    mayAssume: false,
    suits: true,
    reads: [],
    onRead: () => {},
  };
  const execute = async (step: Step): Promise<void> => {
    if (step.kind === "flows") {
      log.push("flows");
      return;
    }
    const name = planeOfKind[step.kind];
    if (name === undefined || !("input" in step)) throw new HostError("refused", `unknown step ${step.kind}`);
    const text = `${name} ${step.input.join(" ")}`;
    result.onStep(text);
    log.push(text);
    if (step.kind === "nft" && result.count !== null) result.count++;
    const removed = step.input.filter((line) => line.startsWith("-")).map((line) => line.slice(1));
    const added = step.input
      .filter((line) => line.startsWith("+"))
      .flatMap((line) => result.distort(line.slice(1)) ?? []);
    kernel[name] = [...kernel[name].filter((line) => !removed.includes(line)), ...added].sort();
  };
  const result: FakeSite = Object.assign(fake, {
    site: {
      host: linuxHost(),
      planes: [] as readonly BoundPlane[],
      state: stateWriter(stateFolder),
      command: "apply",
      execute,
      check: async () => {},
      startKeeper: async () => {
        result.keepers++;
      },
      progress: async () => {},
      stopReason: () => null,
    },
  });
  const planes = [plane("nftables", result), plane("iptables", result), plane("ipvs", result)];
  return Object.assign(result, { site: { ...result.site, planes } });
}
