import type { Requirement } from "../../compiler/index.ts";
import type { BackendProgram } from "../desired/programs.ts";
import type { Host } from "../host/host.ts";
import { packageOf } from "../host/packages.ts";
import type { ModuleState, NodeFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { forbiddenModules, moduleState } from "./kernel.ts";
import { servicesNeeding } from "./needs.ts";
import { readSysctl } from "./sysctls.ts";
import { isAtLeast } from "./tools.ts";
import { tryModules } from "./trial.ts";

/**
 * Which of an artifact's requirements this node does not meet. What cannot be told (no privileges, no list of modules)
 * is no finding: the tools say it when they are asked to check the rules.
 *
 * Forwarding that is off is a warning: a node that serves nothing but its own processes needs none, whether one does is
 * not in the artifact, and applying makes nothing worse. Settings that the ipvs backend makes itself are no requirement.
 */
export async function unmetRequirements(
  host: Host,
  facts: NodeFacts,
  requirements: readonly Requirement[],
  desired: BackendProgram,
): Promise<readonly Finding[]> {
  const states = await moduleStates(
    host,
    facts,
    requirements.flatMap(({ kind, name }) => (kind === "kernel-module" ? [name] : [])),
  );
  const findings: Finding[] = [];
  for (const requirement of withPrivileges(requirements)) {
    const found = await unmet(host, facts, requirement, states, desired);
    if (found !== null) findings.push({ ...found, services: servicesNeeding(requirement, desired) });
  }
  return findings;
}

/** Every backend loads something; not all manifests say so. */
function withPrivileges(requirements: readonly Requirement[]): readonly Requirement[] {
  const privilege: Requirement = { kind: "capability", name: "CAP_NET_ADMIN", value: null, neededBy: "loading rules" };
  const isNamed = requirements.some(({ kind, name }) => kind === "capability" && name === privilege.name);
  return isNamed || requirements.length === 0 ? requirements : [privilege, ...requirements];
}

type Unmet = Omit<Finding, "services">;

async function unmet(
  host: Host,
  facts: NodeFacts,
  requirement: Requirement,
  states: ReadonlyMap<string, ModuleState>,
  desired: BackendProgram,
): Promise<Unmet | null> {
  const why = `needed for ${requirement.neededBy}`;
  switch (requirement.kind) {
    case "kernel":
      return unmetKernel(facts, requirement, why);
    case "kernel-module":
      return unmetModule(requirement.name, states.get(requirement.name) ?? "unknown", why);
    case "tool":
      return unmetTool(facts, requirement, why);
    case "capability":
      return facts.privileges.netAdmin
        ? null
        : error("requirement/capability", `this process has no ${requirement.name}`, why, "run it as root");
    case "sysctl":
      return unmetSysctl(host, facts, requirement, desired);
  }
}

function unmetKernel(facts: NodeFacts, { value }: Requirement, why: string): Unmet | null {
  const { release } = facts.kernel;
  if (value === null || release === "" || isAtLeast(release, value)) return null;
  return error(
    "requirement/kernel",
    `the kernel is ${release}, and it must be ${value} or newer`,
    why,
    "use another backend on this node, or a newer kernel",
  );
}

function unmetModule(name: string, state: ModuleState, why: string): Unmet | null {
  if (state === "missing") {
    const help = `install it with the kernel's other modules (linux-modules-extra on some distributions), then: modprobe ${name}`;
    return error("requirement/kernel-module", `the kernel module ${name} is missing`, why, help);
  }
  if (state === "blocked") {
    const help = `allow it in /etc/modprobe.d, or load it before kernel.modules_disabled is set: modprobe ${name}`;
    return error("requirement/kernel-module", `the kernel module ${name} may not be loaded here`, why, help);
  }
  return null;
}

/** Names of iptables' tools stand for those of either flavour, which are what is run. */
function unmetTool(facts: NodeFacts, { name, value }: Requirement, why: string): Unmet | null {
  const iptables = /^(ip6?tables)-(restore|save)$/.exec(name)?.[1];
  const candidates = iptables === undefined ? [name] : [`${iptables}-nft`, `${iptables}-legacy`];
  const installed = candidates.flatMap((tool) => {
    const found = facts.tools[tool];
    return found === undefined || found.path === null ? [] : [found];
  });
  const owner = packageOf(name);
  if (installed.length === 0) {
    const help = owner === null ? null : `apt-get install ${owner}`;
    return error("requirement/tool", `there is no program ${name} on this node`, why, help);
  }
  const versions = installed.map(({ version }) => version);
  if (value === null || versions.some((version) => version === null || isAtLeast(version, value))) return null;
  const help = owner === null ? null : `install a newer ${owner}`;
  return error("requirement/tool", `${name} is ${versions.join(", ")}, and it must be ${value} or newer`, why, help);
}

async function unmetSysctl(
  host: Host,
  facts: NodeFacts,
  { name, value }: Requirement,
  desired: BackendProgram,
): Promise<Unmet | null> {
  if (desired.backend === "ipvs" && desired.program.sysctls.some((each) => each.name === name)) return null;
  const now = Object.hasOwn(facts.sysctls, name) ? (facts.sysctls[name] ?? null) : await readSysctl(host, name);
  if (now === value) return null;
  return {
    severity: "warning",
    code: "requirement/sysctl",
    what: now === null ? `this kernel has no setting ${name}` : `${name} is ${now}, not ${value}`,
    why: "without it the node passes nothing on to other nodes or pods",
    help: now === null ? null : `sysctl -w ${name}=${value}`,
  };
}

function error(code: Finding["code"], what: string, why: string, help: string | null): Unmet {
  return { severity: "error", code, what, why, help };
}

/** What is known of each module, by the kernel's lists, modprobe's configuration, and by trying where there are no lists. */
export async function moduleStates(
  host: Host,
  facts: NodeFacts,
  names: readonly string[],
): Promise<ReadonlyMap<string, ModuleState>> {
  const states = new Map(names.map((name) => [name, moduleState(facts.modules, name)]));
  const unknown = names.filter((name) => states.get(name) === "unknown");
  const tried = await triedBefore(host, unknown);
  for (const name of unknown) {
    const works = tried.get(name);
    if (works !== undefined) states.set(name, works ? "works" : "missing");
  }
  const loadable = [...states].flatMap(([name, state]) => (state === "loadable" ? [name] : []));
  for (const name of await forbiddenModules(host, loadable)) states.set(name, "blocked");
  return states;
}

/** What was tried on a host. Features of a kernel do not come and go while a command runs. */
const trialsOf = new WeakMap<Host, Map<string, boolean>>();

/** Tries what was not tried yet. */
async function triedBefore(host: Host, names: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
  const known = trialsOf.get(host) ?? new Map<string, boolean>();
  trialsOf.set(host, known);
  const untried = names.filter((name) => !known.has(name));
  if (untried.length > 0) for (const [name, works] of await tryModules(host, untried)) known.set(name, works);
  return known;
}
