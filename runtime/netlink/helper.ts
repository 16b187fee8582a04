import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { HostError } from "../host/error.ts";
import { type ChildAnswer, type ChildRequest, decodeError } from "./child-protocol.ts";

/** The process that held the sockets ended before it answered. */
export class HelperEndedError extends Error {
  override readonly name = "HelperEndedError";
}

type Answer = Extract<ChildAnswer, { outcome: "done" }>;

/** A process that holds netlink sockets for this one, and ends with it. */
export interface Helper {
  /** Throws what the kernel refused, or HelperEndedError. */
  ask(question: Omit<ChildRequest, "id">): Promise<Answer>;
  isEnded(): boolean;
  /** This process lives on for it, as it does at first. */
  hold(): void;
  /** This process may end, and it with it. */
  letGo(): void;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** Starts a program that calls `runIpvsChild`. Throws HostError when there is none. */
export async function startHelper(argv: readonly string[]): Promise<Helper> {
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
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        if (ended.error !== null) return reject(ended.error);
        waiting.set(id, { resolve, reject });
        child.send({ id, ...question } satisfies ChildRequest, (error) => {
          // an end is told by whenEnded, with its cause
          if (error !== null && child.connected) reject(error);
        });
      }),
    isEnded: () => ended.error !== null || !child.connected,
    hold: () => {
      for (const part of livingParts(child)) part.ref();
    },
    letGo: () => {
      for (const part of livingParts(child)) part.unref();
    },
  };
}

/** What keeps this process alive while the helper is. */
function livingParts(child: ChildProcess): readonly { ref(): void; unref(): void }[] {
  const { channel, stderr } = child;
  return [child, ...(channel ? [channel] : []), ...(stderr instanceof Socket ? [stderr] : [])];
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
