import type { Operation } from "../../compiler/backends/step.ts";
import type { Drift } from "./report.ts";
import type { ServiceDrift } from "./service-drift.ts";
import type { Status } from "./status.ts";

/** Lines of each list that are shown; the JSON form has all. */
const mostLines = 20;

/** The commands that status advises, with the options without which they would mean another node or state folder. */
export interface PrintedCommands {
  /** Puts what the kernel was compared with into it; null: what was given cannot be named again. */
  readonly apply: string | null;
  /** For weir's other commands: empty, or options after a space. */
  readonly options: string;
}

const usualCommands: PrintedCommands = { apply: null, options: "" };

/** The status for people: a line or two when all is well, otherwise what is wrong, the most important first. */
export function printStatus(status: Status, commands: PrintedCommands = usualCommands): string {
  const { drift } = status;
  const lines = [
    headline(status),
    ...indented(countLines(status)),
    ...section(
      "what all services rely on",
      drift.structure.map(({ object, meaning }) => `${object}: ${meaning}`),
    ),
    ...serviceLines(drift.services),
    ...section("other differences", drift.other.map(operationText)),
    ...section(
      "not weir's, inside weir's objects",
      drift.foreign.map(({ place, text }) => `${place}: ${text}`),
    ),
    ...leftoverLines(drift),
    ...indented(stateLines(status)),
    ...adviceLines(status, commands),
  ];
  return `${lines.join("\n")}\n`;
}

function headline({ state, against, applied }: Status): string {
  if (state === "nothing") return "nothing of weir's is on this node";
  if (against === null) return "nothing is applied, and something of weir's is there";
  const what =
    against.generation === null
      ? against.from
      : `generation ${against.generation}${applied === null ? "" : ` (applied ${applied.appliedAt}, from ${against.from})`}`;
  const verdict = state === "in-sync" ? "the kernel holds exactly" : "the kernel differs from";
  return `${against.node}: ${verdict} ${what}, ${against.backend}`;
}

function countLines({ counts }: Status): readonly string[] {
  if (counts === null) return [];
  const { services, frontends, endpoints } = counts;
  return [`${counted(services, "service")}, ${counted(frontends, "frontend")}, ${counted(endpoints, "endpoint")}`];
}

/** Grouped by service port: a frontend's address is said once where it has several differences. */
function serviceLines(services: readonly ServiceDrift[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { service, frontend, meaning } of services) {
    const group = groups.get(service ?? "") ?? [];
    groups.set(service ?? "", group);
    group.push(meaning.startsWith(frontend) ? meaning : `${frontend}: ${meaning}`);
  }
  const lines: string[] = [];
  let shown = 0;
  for (const [service, group] of groups) {
    if (lines.length >= mostLines) break;
    lines.push(...section(service === "" ? "of no known service" : service, group));
    shown++;
  }
  const rest = groups.size - shown;
  return rest === 0 ? lines : [...lines, `  and ${counted(rest, "more service port")} (--json has all)`];
}

function leftoverLines({ leftovers }: Drift): readonly string[] {
  return section(
    "left over of other backends",
    leftovers.map(({ plane, operations }) => `${plane}: ${counted(operations.length, "operation")} to remove`),
  );
}

function stateLines({ pending, unfinished, draining, notes }: Status): readonly string[] {
  const lines: string[] = [...notes];
  if (pending !== null) {
    const left = pending.secondsLeft === null ? "" : `, ${pending.secondsLeft} s left`;
    lines.push(`generation ${pending.generation} waits for: weir confirm${left}`);
  }
  if (unfinished !== null) {
    const { generation, command, phase, step, steps, isRunning } = unfinished;
    const at = steps === 0 ? phase : `${phase}, step ${step} of ${steps}`;
    lines.push(
      isRunning
        ? `weir ${command} is at work on generation ${generation} (${at})`
        : `weir ${command} was cut short at generation ${generation} (${at}): another apply goes on from here`,
    );
  }
  for (const { plane, waiting, secondsLeft } of draining) {
    lines.push(
      `${plane}: ${counted(waiting, "object")} stay until their connections end, ${secondsLeft} s at the longest`,
    );
  }
  return lines;
}

function adviceLines(
  { state, against, drift, pending }: Status,
  { apply, options }: PrintedCommands,
): readonly string[] {
  if (state !== "drift") return [];
  if (against === null) return [`to remove it: weir cleanup${options}`];
  const count = drift.operations.length + drift.leftovers.reduce((sum, { operations }) => sum + operations.length, 0);
  const last = `weir apply --last${options}`;
  const again = pending === null ? last : `weir rollback${options}, or weir confirm${options} and then ${last}`;
  const command = against.generation === null ? (apply ?? `weir apply ${against.from}`) : again;
  return [`to put it right (${counted(count, "operation")}): ${command}`];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(0, mostLines);
  const more = lines.length > shown.length ? [`and ${lines.length - shown.length} more (--json has all)`] : [];
  return [`  ${title}`, ...indented(indented([...shown, ...more]))];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

function operationText({ action, object, name, key }: Operation): string {
  return `needs ${action} ${object} ${name}${key === null ? "" : ` (${key})`}`;
}

/** `1 service`, `2,000 services`. */
function counted(count: number, thing: string): string {
  return `${count.toLocaleString("en-US")} ${thing}${count === 1 ? "" : "s"}`;
}
