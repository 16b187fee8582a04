/**
 * What the lab and the agents inside its namespaces say to each other: one JSON object a line,
 * requests on the agent's standard input, answers on its standard output, paired by `id`.
 */

/** SCTP is missing because Node has no sockets for it. */
export type LabProtocol = "tcp" | "udp";

export interface Listener {
  readonly protocol: LabProtocol;
  readonly address: string;
  readonly port: number;
}

export interface Attempt {
  readonly protocol: LabProtocol;
  /** An address of the namespace that the attempt is made from. */
  readonly source: string;
  readonly address: string;
  readonly port: number;
  /** How long to wait for anything at all before it counts as silent. */
  readonly timeoutMs: number;
}

export type AgentRequest =
  /** Writes files under /proc/sys; names as sysctl(8) has them, but with `/`. A missing one is an error unless `optional`. */
  | { readonly op: "sysctl"; readonly values: readonly SysctlValue[] }
  /** Runs a program inside the namespace. */
  | { readonly op: "run"; readonly argv: readonly string[]; readonly input: string }
  /** Opens listeners beside those that are open. */
  | { readonly op: "serve"; readonly listeners: readonly Listener[] }
  /** Closes all listeners and gives up all attempts. */
  | { readonly op: "reset" }
  | { readonly op: "attempt"; readonly attempt: Attempt }
  /** Ends the attempt with this request id; it reports `silent`. */
  | { readonly op: "give-up"; readonly attempt: number }
  /** ICMP destination-unreachable messages that the namespace has received so far. */
  | { readonly op: "unreachables" }
  /** Calls the default export of an ES module, named by its absolute path, in the agent's process. */
  | { readonly op: "call"; readonly module: string; readonly input: unknown }
  /** Clients that go on until they are stopped. */
  | { readonly op: "start-loops"; readonly loops: readonly ClientLoop[] }
  /** Ends all loops, each after the exchange that it is in, and returns their reports in the order of their starts. */
  | { readonly op: "stop-loops" };

/** A client that connects again and again. One exchange is a request and its answer, a line or a datagram each. */
export interface ClientLoop extends Attempt {
  /** How many exchanges each connection, or each UDP socket, is used for; null: one connection until the loop ends. */
  readonly exchanges: number | null;
  /** Between two exchanges. */
  readonly pauseMs: number;
}

/** One exchange. Times are of the machine's monotonic clock, the same in all processes, in milliseconds. */
export interface Exchange {
  readonly from: number;
  readonly to: number;
  /** Which connection of the loop, from 0, and which exchange on it. */
  readonly connection: number;
  readonly number: number;
  readonly seen: Seen;
  /** Datagrams that were sent again because no answer came for a while. */
  readonly resent: number;
}

export interface LoopReport {
  readonly loop: ClientLoop;
  readonly exchanges: readonly Exchange[];
}

export interface SysctlValue {
  readonly name: string;
  readonly value: string;
  readonly optional: boolean;
}

export interface RunResult {
  /** null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Both ends of a connection as the listener's socket has them. */
export interface Greeting {
  /** Name of the agent that answered. */
  readonly agent: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** What became of an attempt. `error` is a code such as EHOSTUNREACH that is none of the others. */
export type Seen =
  | { readonly kind: "answered"; readonly by: Greeting }
  | { readonly kind: "refused" }
  | { readonly kind: "silent" }
  | { readonly kind: "error"; readonly code: string };

export interface AgentAnswer {
  readonly id: number;
  readonly error?: string;
  readonly result?: unknown;
}
