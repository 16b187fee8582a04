import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Packet } from "../../compiler/backends/packet.ts";
import { isLoopback } from "../../compiler/net/address.ts";
import { Agent, LabError, type PendingAttempt } from "./agent-client.ts";
import { isLabProtocol, type LabPlan } from "./plan.ts";
import { hostSysctls, nodeSysctls, topologyOf } from "./topology.ts";

const folderPrefix = "weir-lab-";

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** A killed run leaves one folder with a lock file behind; its name tells whose. Namespaces leave nothing. */
async function removeFoldersOfTheDead(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(folderPrefix) ? Number.parseInt(name.slice(folderPrefix.length), 10) : Number.NaN;
    if (owner > 0 && !isRunning(owner))
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Hosts' namespaces and their agents outlive a lab, because starting them is most of its cost. */
export class LabPool {
  readonly #script: string;
  readonly #folder: string;
  readonly #idle: Agent[] = [];
  readonly #all = new Set<Agent>();
  #started = 0;

  private constructor(script: string, folder: string) {
    this.#script = script;
    this.#folder = folder;
  }

  /** `script` is the agent as JavaScript; without it, the one beside this file in the built package. */
  static async open(script = new URL("./agent.js", import.meta.url).pathname): Promise<LabPool> {
    await removeFoldersOfTheDead();
    return new LabPool(script, await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`)));
  }

  async #start(kind: string, beside: Agent | null = null): Promise<Agent> {
    // iptables-legacy locks one file for all network namespaces; ours must not wait for the machine's.
    const lockFile = join(this.#folder, "xtables.lock");
    const agent = await Agent.start(`${kind}-${++this.#started}`, this.#script, lockFile, beside);
    this.#all.add(agent);
    return agent;
  }

  /** A new namespace without links and rules, with forwarding on: a node under test. */
  async node(): Promise<Agent> {
    const agent = await this.#start("node");
    await agent.sysctl(nodeSysctls);
    return agent;
  }

  /** A second agent in a node's namespace, for work that must not hold up the first. End it before the node. */
  async helper(node: Agent): Promise<Agent> {
    return this.#start("helper", node);
  }

  async host(): Promise<Agent> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const agent = await this.#start("host");
    await agent.sysctl(hostSysctls);
    return agent;
  }

  /** For an agent whose links are gone. */
  async giveBack(host: Agent): Promise<void> {
    await host.reset();
    this.#idle.push(host);
  }

  async end(agent: Agent): Promise<void> {
    this.#all.delete(agent);
    await agent.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((agent) => this.end(agent)));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A node and the world around it, in namespaces, ready for traffic. */
export class Lab {
  readonly plan: LabPlan;
  /** The machine under test: rules are loaded here. */
  readonly node: Agent;
  readonly #hosts: readonly Agent[];
  readonly #pool: LabPool;
  readonly #cleanup: string;
  readonly #keepsNode: boolean;

  private constructor(
    plan: LabPlan,
    node: Agent,
    hosts: readonly Agent[],
    pool: LabPool,
    cleanup: string,
    keepsNode: boolean,
  ) {
    this.plan = plan;
    this.node = node;
    this.#hosts = hosts;
    this.#pool = pool;
    this.#cleanup = cleanup;
    this.#keepsNode = keepsNode;
  }

  /**
   * `kept` is a node that stays when the lab is closed, without links and listeners; rules and tracked connections in
   * it are its owner's business. Throws LabError, having removed what was made, when a step fails.
   */
  static async open(plan: LabPlan, pool: LabPool, kept: Agent | null = null): Promise<Lab> {
    const [node, ...hosts] = await Promise.all([kept ?? pool.node(), ...plan.hosts.map(() => pool.host())]);
    const topology = topologyOf(
      plan,
      hosts.map((host) => host.pid),
    );
    const lab = new Lab(plan, node, hosts, pool, topology.nodeCleanup, kept !== null);
    try {
      await node.run(["ip", "-batch", "-"], topology.node);
      await Promise.all(hosts.map((host, index) => host.run(["ip", "-batch", "-"], topology.hosts[index])));
      await Promise.all([
        node.serve(plan.nodeListeners),
        ...hosts.map((host, index) => host.serve(plan.hosts[index]?.listeners ?? [])),
      ]);
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  /** The agent that owns an address: where its packets start. */
  agentOf(address: Packet["source"]): Agent {
    if (isLoopback(address) || this.plan.nodeAddresses.some((one) => one.text === address.text)) return this.node;
    const index = this.plan.hosts.findIndex((host) => host.addresses.some((one) => one.text === address.text));
    const agent = this.#hosts[index];
    if (agent === undefined) throw new LabError(`nobody in the lab has the address ${address.text}`);
    return agent;
  }

  /** One connection, or one exchange of datagrams, from a source port of the kernel's choice. */
  attempt(packet: Packet, timeoutMs: number): PendingAttempt {
    const { protocol, source, destination, port } = packet;
    if (!isLabProtocol(protocol)) throw new LabError(`the lab cannot speak ${protocol}`);
    return this.agentOf(source).attempt({
      protocol,
      source: source.text,
      address: destination.text,
      port,
      timeoutMs,
    });
  }

  /** The agents around the node, in the order of the plan's hosts. */
  get hosts(): readonly Agent[] {
    return this.#hosts;
  }

  /** Removes the links and the node, unless it is kept; the hosts go back to the pool. */
  async close(): Promise<void> {
    // Deleting the links here is done when it returns; the kernel would do it some time after the node's end.
    const cleaned = await this.node.tryRun(["ip", "-force", "-batch", "-"], this.#cleanup).catch(() => null);
    await (this.#keepsNode ? this.node.reset() : this.#pool.end(this.node));
    const give =
      cleaned?.status === 0 ? (host: Agent) => this.#pool.giveBack(host) : (host: Agent) => this.#pool.end(host);
    await Promise.all(this.#hosts.map(give));
  }
}
