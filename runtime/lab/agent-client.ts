import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type {
  AgentAnswer,
  AgentRequest,
  Attempt,
  ClientLoop,
  Listener,
  LoopReport,
  RunResult,
  Seen,
  SysctlValue,
} from "./protocol.ts";
import { toolPath } from "./tools.ts";

/** A step of the lab that failed: a program, an agent, a listener. The message says which and why. */
export class LabError extends Error {
  override readonly name = "LabError";
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** An attempt under way; `giveUp` ends the wait for news of it, and `seen` then reports `silent`. */
export interface PendingAttempt {
  readonly seen: Promise<Seen>;
  giveUp(): void;
}

/**
 * A network namespace of its own with an agent in it. The namespace has no name and no file: it exists as long
 * as the agent does, and the agent ends with the process that started it, so that nothing can be left behind.
 */
export class Agent {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #errors = "";

  private constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.name = name;
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.#failAll(error.message));
    child.on("close", () => this.#failAll(`ended${this.#errors === "" ? "" : `: ${this.#errors.trim()}`}`));
    createInterface({ input: child.stdout }).on("line", (line) => this.#answered(JSON.parse(line) as AgentAnswer));
  }

  /**
   * Starts `script` in a new network namespace, or in that of `beside`, which must live longer.
   * Throws LabError when the system does not let us.
   */
  static async start(name: string, script: string, lockFile: string, beside: Agent | null = null): Promise<Agent> {
    const enter = beside === null ? ["unshare", "--net"] : ["nsenter", `--net=/proc/${beside.pid}/ns/net`];
    const [tool = "", ...options] = enter;
    const child = spawn(tool, [...options, "--", process.execPath, script, name], {
      stdio: "pipe",
      env: {
        ...process.env,
        // Messages in English; tools of administrators found by ordinary users; no options meant for other Node programs.
        LC_ALL: "C",
        PATH: toolPath(process.env.PATH ?? ""),
        NODE_OPTIONS: "",
        XTABLES_LOCKFILE: lockFile,
      },
    });
    const agent = new Agent(name, child);
    await new Promise((resolve, reject) => agent.#waiting.set(0, { resolve, reject }));
    return agent;
  }

  /** Of the process that holds the namespace, as `ip link … netns PID` takes it. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  #failAll(reason: string): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new LabError(`agent ${this.name}: ${reason}`));
    this.#waiting.clear();
  }

  #answered(message: AgentAnswer): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(new LabError(`agent ${this.name}: ${message.error}`));
  }

  #request(request: AgentRequest): { readonly id: number; readonly result: Promise<unknown> } {
    const id = ++this.#lastId;
    const result = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    return { id, result };
  }

  async sysctl(values: readonly SysctlValue[]): Promise<void> {
    await this.#request({ op: "sysctl", values }).result;
  }

  /** Runs a program in the namespace and returns whatever came of it. */
  async tryRun(argv: readonly string[], input = ""): Promise<RunResult> {
    return (await this.#request({ op: "run", argv, input }).result) as RunResult;
  }

  /** Runs a program in the namespace; returns its standard output, or throws LabError with its standard error. */
  async run(argv: readonly string[], input = ""): Promise<string> {
    const result = await this.tryRun(argv, input);
    if (result.status !== 0) throw new LabError(`${argv.join(" ")}: exit ${result.status}: ${result.stderr.trim()}`);
    return result.stdout;
  }

  async serve(listeners: readonly Listener[]): Promise<void> {
    await this.#request({ op: "serve", listeners }).result;
  }

  async reset(): Promise<void> {
    await this.#request({ op: "reset" }).result;
  }

  async unreachables(): Promise<number> {
    return (await this.#request({ op: "unreachables" }).result) as number;
  }

  /** What the module's default export makes of the input, which goes there and back as JSON. Throws LabError when it throws. */
  async call(module: string, input: unknown): Promise<unknown> {
    return this.#request({ op: "call", module, input }).result;
  }

  async startLoops(loops: readonly ClientLoop[]): Promise<void> {
    await this.#request({ op: "start-loops", loops }).result;
  }

  async stopLoops(): Promise<readonly LoopReport[]> {
    return (await this.#request({ op: "stop-loops" }).result) as readonly LoopReport[];
  }

  attempt(attempt: Attempt): PendingAttempt {
    const { id, result } = this.#request({ op: "attempt", attempt });
    return {
      seen: result as Promise<Seen>,
      giveUp: () => void this.#request({ op: "give-up", attempt: id }).result.catch(() => {}),
    };
  }

  /** Ends the agent and with it the namespace. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}
