import { compareText } from "../../compiler/net/order.ts";
import type { Agent, PendingAttempt } from "./agent-client.ts";
import { attemptsToSeeAll, complaintAbout, type LabRow, reachedEndpoint, socketText } from "./expectation.ts";
import type { Lab } from "./lab.ts";
import { isLabProtocol } from "./plan.ts";
import type { Seen } from "./protocol.ts";

export interface TrialOptions {
  /** How long an answer may take. */
  readonly answerMs: number;
  /** How long nothing must have come back where nothing is expected, beside answers to others in the same time. */
  readonly silenceMs: number;
  /** At most so many connections for a row; endpoints may then remain unseen. null: until each has answered. */
  readonly mostAttempts: number | null;
  /** Connections of one client stay where they are: then not every endpoint need be seen. */
  readonly sticky: (row: LabRow) => boolean;
}

export const usualTrial: TrialOptions = { answerMs: 5000, silenceMs: 400, mostAttempts: null, sticky: () => false };

/** What was found for one row. */
export interface RowReport {
  readonly row: LabRow;
  readonly attempts: number;
  /** What became of each attempt. */
  readonly seen: readonly Seen[];
  /** How often each endpoint answered. */
  readonly reached: ReadonlyMap<string, number>;
  /** Empty when all was as the row says. */
  readonly complaints: readonly string[];
}

const batch = 8;

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Whether the lab can try a row at all. */
export function isTriable(row: LabRow): boolean {
  return isLabProtocol(row.packet.protocol);
}

function report(lab: Lab, row: LabRow, all: readonly Seen[], more: readonly string[] = []): RowReport {
  const reached = new Map<string, number>();
  for (const seen of all) {
    const endpoint = reachedEndpoint(row.expect, seen);
    if (endpoint === null) continue;
    const key = socketText(endpoint.address.text, endpoint.port);
    reached.set(key, (reached.get(key) ?? 0) + 1);
  }
  const complaints = new Set([...more]);
  for (const seen of all) {
    const complaint = complaintAbout(row, seen, lab.plan.nodeAddresses);
    if (complaint !== null) complaints.add(complaint);
  }
  return { row, attempts: all.length, seen: all, reached, complaints: [...complaints].sort(compareText) };
}

/** Attempts in small batches until every endpoint has answered once, or as many as make a miss improbable. */
async function tryEndpoints(lab: Lab, row: LabRow, options: TrialOptions): Promise<RowReport> {
  const sticky = options.sticky(row);
  const most = options.mostAttempts ?? Number.POSITIVE_INFINITY;
  const enough = sticky ? 6 : attemptsToSeeAll(row.expect);
  const limit = Math.min(enough, most);
  const wanted = row.expect.verdict === "endpoints" ? row.expect.endpoints.length : 0;
  const all: Seen[] = [];
  const answered = new Set<string>();
  while (all.length < limit && (sticky || answered.size < wanted || all.length === 0)) {
    const count = sticky ? 1 : Math.min(batch, limit - all.length);
    const seen = await Promise.all(Array.from({ length: count }, () => lab.attempt(row.packet, options.answerMs).seen));
    all.push(...seen);
    for (const one of seen) {
      const endpoint = reachedEndpoint(row.expect, one);
      if (endpoint !== null) answered.add(socketText(endpoint.address.text, endpoint.port));
    }
    if (seen.some((one) => complaintAbout(row, one, lab.plan.nodeAddresses) !== null)) break;
  }
  const missing = all.length >= enough && enough > 4 && !sticky && answered.size < wanted;
  const moved = sticky && answered.size > 1;
  return report(lab, row, all, [
    ...(missing ? [`only ${[...answered].sort().join(", ")} answered in ${all.length} attempts`] : []),
    ...(moved ? [`one client's connections went to ${[...answered].sort().join(" and ")}`] : []),
  ]);
}

/**
 * A refusal must be an ICMP message, not a reset from somebody whose port is closed: each client's namespace counts
 * the messages. Returns, after `rows` were tried, those whose client got fewer messages than refusals.
 */
async function countRefusals(lab: Lab, rows: readonly LabRow[]): Promise<() => Promise<ReadonlySet<LabRow>>> {
  const agents = new Map<Agent, LabRow[]>();
  for (const row of rows) {
    const agent = lab.agentOf(row.packet.source);
    agents.set(agent, [...(agents.get(agent) ?? []), row]);
  }
  const counted = [...agents].map(async ([agent, own]) => ({ agent, own, before: await agent.unreachables() }));
  const before = await Promise.all(counted);
  return async () => {
    const checked = before.map(async ({ agent, own, before }) =>
      (await agent.unreachables()) - before < own.length ? own : [],
    );
    return new Set((await Promise.all(checked)).flat());
  };
}

/**
 * Tries all rows side by side. Rows that expect silence wait as long as the others take, and at least `silenceMs`:
 * their packets had the same time to arrive as those that did. Rows of protocols that the lab cannot speak are left out.
 */
export async function tryRows(lab: Lab, rows: readonly LabRow[], options: TrialOptions): Promise<readonly RowReport[]> {
  const triable = rows.filter(isTriable);
  const refused = await countRefusals(
    lab,
    triable.filter((row) => row.expect.verdict === "reject"),
  );
  const silent: { readonly row: LabRow; readonly attempt: PendingAttempt }[] = [];
  const others: Promise<RowReport>[] = [];
  for (const row of triable) {
    if (row.expect.verdict === "drop") silent.push({ row, attempt: lab.attempt(row.packet, options.answerMs) });
    else if (row.expect.verdict === "endpoints") others.push(tryEndpoints(lab, row, options));
    else others.push(lab.attempt(row.packet, options.answerMs).seen.then((seen) => report(lab, row, [seen])));
  }
  const [reports] = await Promise.all([Promise.all(others), delay(silent.length === 0 ? 0 : options.silenceMs)]);
  const quiet = silent.map(async ({ row, attempt }) => {
    attempt.giveUp();
    return report(lab, row, [await attempt.seen]);
  });
  const all = [...reports, ...(await Promise.all(quiet))];
  const withoutMessage = await refused();
  return all.map((each) =>
    each.complaints.length === 0 && withoutMessage.has(each.row)
      ? { ...each, complaints: ["refused, but not by an ICMP message"] }
      : each,
  );
}

/** For a failed test: the row, what was wrong, and who answered how often. */
export function describeReport({ row, attempts, reached, complaints }: RowReport): string {
  const answers = [...reached].sort(([a], [b]) => compareText(a, b)).map(([key, count]) => `${key} ${count}x`);
  const counted = answers.length === 0 ? "" : ` (of ${attempts} attempts: ${answers.join(", ")})`;
  return `${row.label}: ${complaints.join("; ")}${counted}`;
}
