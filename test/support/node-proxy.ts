import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { ProxyListener } from "../../compiler/backends/userspace/program.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";
import { listenersIn } from "../../runtime/preflight/listeners.ts";

/** `weir proxy` in a node's namespace, which follows what is applied there. */
export interface NodeProxy {
  /** What it has logged, for a failed test. */
  readonly log: () => string;
  /** Waits until it listens for all of these on all addresses that the node has for them. Throws when it has ended. */
  listens(listeners: readonly ProxyListener[], nodeAddresses: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export function startNodeProxy(agent: Agent, command: string, stateFolder: string): NodeProxy {
  const args = [`--net=/proc/${agent.pid}/ns/net`, "--", process.execPath, command, "proxy", "--state", stateFolder];
  const child = spawn("nsenter", [...args, "--log", "json"], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const ended = once(child, "exit");
  return {
    log: () => log,
    listens: async (listeners, nodeAddresses) => {
      while (silent(agent, listeners, nodeAddresses).length > 0) {
        if (child.exitCode !== null) throw new Error(`weir proxy has ended: ${log}`);
        await wait(10);
      }
    },
    close: async () => {
      child.kill("SIGTERM");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function silent(
  agent: Agent,
  listeners: readonly ProxyListener[],
  nodeAddresses: readonly string[],
): readonly string[] {
  const heard = new Set<string>();
  for (const [family, protocol, name] of [
    ["ipv4", "tcp", "tcp"],
    ["ipv4", "udp", "udp"],
    ["ipv6", "tcp", "tcp6"],
    ["ipv6", "udp", "udp6"],
  ] as const) {
    const text = readFileSync(`/proc/${agent.pid}/net/${name}`, "utf8");
    for (const { address, port } of listenersIn(text, family, protocol)) heard.add(`${protocol} ${address} ${port}`);
  }
  return listeners
    .flatMap(({ family, protocol, address, port }) => {
      const ofFamily = nodeAddresses.filter((text) => text.includes(":") === (family === "ipv6"));
      return (address === null ? ofFamily : [address.text]).map((text) => `${protocol} ${text} ${port}`);
    })
    .filter((place) => !heard.has(place));
}
