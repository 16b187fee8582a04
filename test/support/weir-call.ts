import { compilerCommands } from "../../compiler/cli/commands.ts";
import type { Io } from "../../compiler/cli/io.ts";
import { run } from "../../compiler/cli/main.ts";
import { runtimeCommands } from "../../runtime/cli/commands.ts";

/** One command line, run without a process of its own. */
export interface WeirCall {
  readonly args: readonly string[];
  /** The command as a file, for what it starts itself. */
  readonly command: string;
}

export interface WeirEnded {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Of the machine's monotonic clock, in milliseconds. */
  readonly from: number;
  readonly to: number;
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Runs `weir` in the process that has loaded this module, in its network namespace: see Agent.call. */
export default async function weirCall({ args, command }: WeirCall): Promise<WeirEnded> {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    isTerminal: false,
    write: async (text: string | Uint8Array) => {
      written[name] += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
    },
  });
  const io: Io = {
    stdout: output("stdout"),
    stderr: output("stderr"),
    readStdin: async () => Buffer.from(""),
    environment: process.env,
  };
  process.argv[1] = command;
  const from = now();
  const code = await run(args, io, [...compilerCommands, ...runtimeCommands]);
  return { code, ...written, from, to: now() };
}
