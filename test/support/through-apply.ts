import { parseProxyTable } from "../../compiler/backends/userspace/parse.ts";
import type { ProxyListener } from "../../compiler/backends/userspace/program.ts";
import { describeSeen, type LabRow, reachedEndpoint, socketText } from "../../runtime/lab/expectation.ts";
import { Lab, type LabPool } from "../../runtime/lab/lab.ts";
import { planLab, splitByInterface } from "../../runtime/lab/plan.ts";
import { describeReport, isTriable, type TrialOptions, tryRows } from "../../runtime/lab/trial.ts";
import { worldOf } from "../../runtime/lab/world.ts";
import { plausibleCounts } from "./binomial.ts";
import { fixturesFolder, inputsOf, packetTables } from "./fixtures.ts";
import { isForwarded, tryForwarded } from "./forwarded.ts";
import { type CompiledFixture, compileFixture, isSticky, labRow, moreClients } from "./kernel-fixtures.ts";
import { compareWithSimulator } from "./simulated.ts";
import { complaintAboutEnd, leftovers, type Way, type WeirNode } from "./weir-node.ts";

/** One packet table of a fixture: all rows are of one node. */
export interface Scene {
  readonly fixture: string;
  readonly node: string;
  readonly rows: readonly LabRow[];
}

export function scenesOf(fixture: string): readonly Scene[] {
  return packetTables(fixture).map(({ node, rows }) => ({ fixture, node, rows: rows.map(labRow) }));
}

export interface SceneOptions {
  readonly trial: Omit<TrialOptions, "sticky">;
  /** Whether a second apply must find nothing to do, and many clients of affinity must spread. */
  readonly isThorough: boolean;
  /** Ends with `weir cleanup`, which must leave nothing; otherwise the next apply finds this fixture's rules. */
  readonly cleansUp: boolean;
}

export interface SceneReport {
  /** Why the backend cannot express the fixture; then nothing was tried. */
  readonly refusal: string | null;
  readonly tried: number;
  /** Packets of which the kernel and the simulator were held against each other. */
  readonly compared: number;
  readonly wrong: readonly string[];
}

/** The rows as endpoints see them through the proxy, which is their client on the node. */
function rowsThroughProxy(rows: readonly LabRow[]): LabRow[] {
  return rows.map((row) => {
    if (row.expect.verdict !== "endpoints") return row;
    const endpoints = row.expect.endpoints.map((each) => ({ ...each, masquerade: true }));
    return { ...row, expect: { verdict: "endpoints", endpoints } };
  });
}

function proxyListeners(compiled: CompiledFixture): readonly ProxyListener[] {
  const text = compiled.files.get("userspace/proxy.json");
  return text === undefined ? [] : parseProxyTable(text).listeners;
}

/** Interfaces of the lab have no address but the first; a real node's have, and rules that redirect to them need one. */
async function addressInterfaces(lab: Lab): Promise<void> {
  const links = [...new Set(lab.plan.hosts.map((host) => host.interfaceName))].slice(1);
  const lines = links.flatMap((link) =>
    lab.plan.nodeAddresses.map((each) =>
      each.family === "ipv4" ? `addr add ${each.text}/32 dev ${link}` : `addr add ${each.text}/128 dev ${link} nodad`,
    ),
  );
  await lab.node.run(["ip", "-force", "-batch", "-"], `${lines.join("\n")}\n`).catch(() => {});
}

export function applyScene(node: WeirNode, way: Way, scene: Scene, ...more: readonly string[]) {
  const paths = inputsOf(`${fixturesFolder}/${scene.fixture}`);
  // what an earlier fixture had goes at once
  return node.weir("apply", ...paths, "--node", scene.node, "--drain-timeout", "0s", ...way.args, ...more);
}

async function applyFixture(node: WeirNode, way: Way, scene: Scene, isThorough: boolean): Promise<readonly string[]> {
  const wrong = complaintAboutEnd("weir apply", await applyScene(node, way, scene));
  if (wrong !== null || !isThorough) return wrong === null ? [] : [wrong];
  const again = await applyScene(node, way, scene, "--dry-run", "--json");
  const failed = complaintAboutEnd("weir apply --dry-run after weir apply", again);
  if (failed !== null) return [failed];
  const plan: unknown = JSON.parse(again.stdout);
  const steps = typeof plan === "object" && plan !== null && "steps" in plan ? plan.steps : null;
  const hasNone = Array.isArray(steps) && steps.length === 0;
  return hasNone ? [] : [`a second apply would change the kernel: ${again.stdout.slice(0, 2000)}`];
}

/** How long the answer to a forwarded packet may take; of those into tunnels there is none. */
const forwardedMs = 3000;

interface InLab {
  readonly wrong: readonly string[];
  readonly reached: ReadonlySet<string>;
  readonly tried: number;
  readonly compared: number;
}

/** A lab around the node for these rows, with traffic in it; the rules are there already, or `prepare` brings them. */
async function inLab(
  node: WeirNode,
  pool: LabPool,
  way: Way,
  compiled: CompiledFixture,
  rows: readonly LabRow[],
  options: TrialOptions,
  prepare: () => Promise<readonly string[]>,
): Promise<InLab> {
  const plan = planLab(
    worldOf(
      compiled.ir,
      compiled.podRanges,
      rows.map((row) => row.packet),
    ),
  );
  const lab = await Lab.open(plan, pool, node.agent);
  try {
    await node.forgetFlows();
    if (way.backend === "userspace") node.proxy();
    const wrong = await prepare();
    if (wrong.length > 0) return { wrong, reached: new Set(), tried: 0, compared: 0 };
    let asked = rows;
    if (way.backend === "userspace") {
      await addressInterfaces(lab);
      const nodeAddresses = plan.nodeAddresses.map(({ text }) => text);
      await node.proxy().listens(proxyListeners(compiled), nodeAddresses);
      asked = rowsThroughProxy(rows);
    }
    const forwarded = asked.filter((row) => isForwarded(compiled.ir, row));
    const reports = await tryRows(
      lab,
      asked.filter((row) => !forwarded.includes(row)),
      options,
    );
    const strayed: string[] = [];
    for (const row of forwarded) strayed.push(...(await tryForwarded(lab, compiled.ir, row, forwardedMs)));
    // a forwarded packet is seen on its way, not by an endpoint: it has no report to compare
    const simulated = await compareWithSimulator(compiled, way.backend, reports, plan.nodeAddresses);
    return {
      wrong: [
        ...reports.filter((each) => each.complaints.length > 0).map(describeReport),
        ...strayed,
        ...simulated.wrong,
      ],
      compared: simulated.packets,
      reached: new Set(reports.flatMap((each) => [...each.reached.keys()])),
      tried: reports.length + forwarded.length,
    };
  } finally {
    await lab.close();
  }
}

/** With affinity one client's connections stay, as the rows showed; here many clients' must differ, and each stay. */
async function trySpread(node: WeirNode, pool: LabPool, way: Way, compiled: CompiledFixture, rows: readonly LabRow[]) {
  const hasChoice = (row: LabRow) => row.expect.verdict === "endpoints" && row.expect.endpoints.length > 1;
  const sticky = rows.find((row) => isTriable(row) && hasChoice(row) && isSticky(compiled.ir, row));
  if (sticky === undefined) return [];
  const clients = moreClients(compiled.ir, sticky);
  const options: TrialOptions = { answerMs: 5000, silenceMs: 400, mostAttempts: null, sticky: () => true };
  const { wrong, reached } = await inLab(node, pool, way, compiled, clients, options, async () => []);
  const alike = `${sticky.label}: ${clients.length} clients all reached ${[...reached].join()}`;
  return [...wrong, ...(reached.size < 2 ? [alike] : [])];
}

async function cleanUp(node: WeirNode): Promise<readonly string[]> {
  const cleaned = complaintAboutEnd("weir cleanup", await node.weir("cleanup"));
  const left = await leftovers(node.agent);
  return [
    ...(cleaned === null ? [] : [cleaned]),
    ...(left.length === 0 ? [] : [`left after weir cleanup: ${left.join("\n")}`]),
  ];
}

/**
 * Puts a fixture on the node with `weir apply`, sends its packets, and takes everything away with `weir cleanup`,
 * after which the kernel holds nothing of weir's. The node stays for the next.
 */
export async function tryScene(
  node: WeirNode,
  pool: LabPool,
  way: Way,
  scene: Scene,
  { trial, isThorough, cleansUp }: SceneOptions,
): Promise<SceneReport> {
  const compiled = await compileFixture(scene.fixture, scene.node, way.backend);
  if (compiled.refusal !== null) return { refusal: compiled.refusal, tried: 0, compared: 0, wrong: [] };
  const sticky = (row: LabRow) => isSticky(compiled.ir, row);
  const wrong: string[] = [];
  let tried = 0;
  let compared = 0;
  let isApplied = false;
  for (const group of splitByInterface(scene.rows.map((row) => row.packet))) {
    const rows = scene.rows.filter((row) => group.includes(row.packet));
    const found = await inLab(node, pool, way, compiled, rows, { ...trial, sticky }, async () => {
      if (isApplied) return [];
      isApplied = true;
      return applyFixture(node, way, scene, isThorough);
    });
    wrong.push(...found.wrong);
    tried += found.tried;
    compared += found.compared;
  }
  if (isThorough) wrong.push(...(await trySpread(node, pool, way, compiled, scene.rows)));
  if (cleansUp) wrong.push(...(await cleanUp(node)));
  return { refusal: null, tried, compared, wrong };
}

/** Applies a fixture beside whatever else the node has, and sends its packets. Returns what went wrong. */
export async function tryRowsOf(
  node: WeirNode,
  pool: LabPool,
  way: Way,
  scene: Scene,
  trial: Omit<TrialOptions, "sticky">,
): Promise<readonly string[]> {
  const compiled = await compileFixture(scene.fixture, scene.node, way.backend);
  const options = { ...trial, sticky: (row: LabRow) => isSticky(compiled.ir, row) };
  const found = await inLab(node, pool, way, compiled, scene.rows, options, () =>
    applyFixture(node, way, scene, false),
  );
  return found.wrong;
}

/** Once in a million runs a kernel that chooses as it should is blamed, for each row. */
const chanceOfBlame = 1e-6;
const sideBySide = 20;

/**
 * Puts a fixture on the node, and counts where `connections` of each row go whose endpoints have known shares.
 * Returns how many rows those are, and the counts that chance does not explain.
 */
export async function tryShares(
  node: WeirNode,
  pool: LabPool,
  way: Way,
  scene: Scene,
  connections: number,
): Promise<{ readonly rows: number; readonly wrong: readonly string[] }> {
  const compiled = await compileFixture(scene.fixture, scene.node, way.backend);
  const rows = scene.rows.filter((row) => isTriable(row) && sharesOf(row).size > 1 && !isSticky(compiled.ir, row));
  const packets = rows.map((row) => row.packet);
  const lab = await Lab.open(planLab(worldOf(compiled.ir, compiled.podRanges, packets)), pool, node.agent);
  try {
    const failed = complaintAboutEnd("weir apply", await applyScene(node, way, scene));
    if (failed !== null) return { rows: rows.length, wrong: [failed] };
    const wrong: string[] = [];
    for (const row of rows) wrong.push(...(await complaintsAboutShares(lab, row, connections)));
    return { rows: rows.length, wrong };
  } finally {
    await node.weir("cleanup");
    await lab.close();
  }
}

function sharesOf(row: LabRow): ReadonlyMap<string, number> {
  const endpoints = row.expect.verdict === "endpoints" ? row.expect.endpoints : [];
  return new Map(
    endpoints.flatMap(({ address, port, share }) =>
      share === null ? [] : [[socketText(address.text, port), share] as const],
    ),
  );
}

async function complaintsAboutShares(lab: Lab, row: LabRow, connections: number): Promise<readonly string[]> {
  const shares = sharesOf(row);
  const counts = new Map<string, number>();
  for (let made = 0; made < connections; made += sideBySide) {
    const tries = Array.from({ length: sideBySide }, () => lab.attempt(row.packet, 10_000).seen);
    for (const seen of await Promise.all(tries)) {
      const endpoint = reachedEndpoint(row.expect, seen);
      if (endpoint === null) return [`${row.label}: ${describeSeen(seen)}`];
      const key = socketText(endpoint.address.text, endpoint.port);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return [...shares].flatMap(([key, share]) => {
    const count = counts.get(key) ?? 0;
    const { least, most } = plausibleCounts(connections, share, chanceOfBlame / shares.size);
    const isPlausible = count >= least && count <= most;
    return isPlausible ? [] : [`${row.label}: ${key} got ${count} of ${connections}, expected ${least} to ${most}`];
  });
}
