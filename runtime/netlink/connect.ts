import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { type ChildAnswer, type ChildRequest, decodeError } from "./child-protocol.ts";
import { openEngine } from "./engine.ts";
import { joinFrames, type NetlinkProtocol, readMessages } from "./message.ts";
import type { Netlink, Refusal } from "./netlink.ts";

/** The process that held the sockets ended before it answered. */
export class HelperEndedError extends Error {
  override readonly name = "HelperEndedError";
}

/**
 * Netlink of the network namespace of a host. `isApart`: for many requests, held by a process of its own where there is
 * a command to start, because an overrun of the receive buffer ends the process that holds the socket.
 * Throws HostError `unsupported`.
 */
export async function connectNetlink(
  host: Pick<Host, "netlinkHelper">,
  protocol: NetlinkProtocol,
  isApart = false,
): Promise<Netlink> {
  const helper = host.netlinkHelper ?? (isApart ? ownHelper() : null);
  return helper === null ? openEngine(protocol) : openRemote(helper, protocol);
}

/** The hidden command of weir that calls `runIpvsChild`. */
export const helperCommand = "internal-ipvs";

/** This command, wherever it was installed; null when this is no part of it, as in tests of the sources. */
function ownHelper(): readonly string[] | null {
  // in the bundle beside or below the command, otherwise in dist/runtime/netlink
  for (const path of ["./weir.js", "../weir.js", "../../bin/weir.js"]) {
    const script = new URL(path, import.meta.url);
    if (import.meta.url.endsWith(".js") && existsSync(script)) {
      return [process.execPath, fileURLToPath(script), helperCommand];
    }
  }
  return null;
}

interface Waiting {
  readonly resolve: (answer: Extract<ChildAnswer, { outcome: "done" }>) => void;
  readonly reject: (error: Error) => void;
}

type Question = Omit<ChildRequest, "id" | "protocol">;

/** Netlink through a process that speaks `child-protocol.ts`. All that waits throws HelperEndedError when that ends. */
async function openRemote(argv: readonly string[], protocol: NetlinkProtocol): Promise<Netlink> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
    cwd: "/",
    // Ctrl-C at a terminal is for weir, which ends between steps; this one ends when weir does
    detached: true,
    // no options that were meant for this process
    env: { LC_ALL: "C", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  const waiting = new Map<number, Waiting>();
  const ended = whenEnded(child, (error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  });
  child.on("message", (answer: ChildAnswer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.outcome === "done") asked?.resolve(answer);
    else asked?.reject(decodeError(answer.error));
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(new HostError("refused", `cannot start ${program}: ${error.message}`)));
  });

  let lastId = 0;
  const ask = (question: Question): Promise<Extract<ChildAnswer, { outcome: "done" }>> =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      if (ended.error !== null) return reject(ended.error);
      waiting.set(id, { resolve, reject });
      child.send({ id, protocol, ...question } satisfies ChildRequest, (error) => {
        // an end is told by whenEnded, with its cause
        if (error !== null && child.connected) reject(error);
      });
    });
  return {
    batch: async (frames, operation): Promise<readonly Refusal[]> =>
      (await ask({ ask: "batch", frames: joinFrames(frames), operation })).refusals,
    request: async (frame, operation) => {
      const { messages } = await ask({ ask: "request", frames: frame, operation });
      return readMessages(bufferOf(messages));
    },
    dumps: async (frames, operation, pick) => {
      const { messages, counts } = await ask({ ask: "dumps", frames: joinFrames(frames), operation });
      const all = readMessages(bufferOf(messages));
      let at = 0;
      return counts.map((count) => {
        const own = all.slice(at, at + count);
        at += count;
        return own.map(pick).filter((value) => value !== null);
      });
    },
    close: () => {
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

/** Calls back once with how the process ended, and keeps it. */
function whenEnded(
  child: ChildProcess,
  tell: (error: HelperEndedError) => void,
): { readonly error: HelperEndedError | null } {
  const state: { error: HelperEndedError | null } = { error: null };
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2000);
  });
  child.once("close", (status, signal) => {
    const how = signal ?? `exit ${status}`;
    const why = said.trim() === "" ? "" : `: ${said.trim()}`;
    state.error = new HelperEndedError(`the process that speaks netlink ended (${how})${why}`);
    tell(state.error);
  });
  return state;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
