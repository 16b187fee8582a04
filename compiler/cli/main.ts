import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError, Option } from "commander";
import { visibleLines } from "../diagnostics/visible.ts";
import type { DefineCommand, Start, Work } from "./commands.ts";
import { contextOf, type GlobalOptions } from "./context.ts";
import { exitCodes, TroubleError, UsageError } from "./exit.ts";
import type { Io } from "./io.ts";

/** Runs one command line, the arguments without `node` and script. Resolves to the exit code; never rejects. */
export async function run(args: readonly string[], io: Io, commands: readonly DefineCommand[]): Promise<number> {
  const chosen: { command: Command | null; work: Work | null } = { command: null, work: null };
  const start: Start = async (command, work) => {
    chosen.command = command;
    chosen.work = work;
  };
  const texts: { readonly to: "stdout" | "stderr"; readonly text: string }[] = [];
  const program = programOf(commands, start, texts, args);
  try {
    const code = await parse(program, args);
    for (const { to, text } of texts) await io[to].write(text);
    if (code !== null || chosen.command === null || chosen.work === null) return code ?? exitCodes.ok;
    return await chosen.work(contextOf(io, chosen.command.optsWithGlobals<GlobalOptions>()));
  } catch (error) {
    return await explain(error, io);
  }
}

/** The exit code of a command line that names nothing to do: help, version, wrong usage; null otherwise. */
async function parse(program: Command, args: readonly string[]): Promise<number | null> {
  try {
    await program.parseAsync(args, { from: "user" });
    return null;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
}

function programOf(
  commands: readonly DefineCommand[],
  start: Start,
  texts: { readonly to: "stdout" | "stderr"; readonly text: string }[],
  args: readonly string[],
): Command {
  const program = new Command("weir");
  program
    .description("Compiles declarative service specs into Linux load-balancing rules, and puts them on nodes.")
    .helpCommand("help [COMMAND]", "explain a command")
    .addHelpText("after", "\nEvery command explains itself and shows examples: weir check --help");
  // reading package.json costs something, and nobody else asks
  if (args.some((argument) => argument === "--version" || argument === "-V")) program.version(versionOfPackage());
  else program.option("-V, --version", "print the version");
  for (const define of commands) define(program, start);
  for (const command of [program, ...program.commands]) {
    addGlobalOptions(command);
    command
      .exitOverride()
      .showHelpAfterError(
        command === program ? "(weir --help shows the commands)" : `(weir ${command.name()} --help explains it)`,
      )
      .configureOutput({
        writeOut: (text) => texts.push({ to: "stdout", text }),
        writeErr: (text) => texts.push({ to: "stderr", text }),
      });
  }
  return program;
}

function addGlobalOptions(command: Command): void {
  command
    .option("--json", "one JSON document on standard output")
    .addOption(new Option("--color <when>", "colours on standard error").choices(["auto", "always", "never"]))
    .option("-q, --quiet", "only errors");
}

/** What ended a run, in words, and its exit code. Only a bug of weir's shows a stack. */
async function explain(error: unknown, io: Io): Promise<number> {
  if (error instanceof UsageError) {
    await io.stderr.write(`error: ${visibleLines(error.message)}\n`);
    return exitCodes.usage;
  }
  if (error instanceof TroubleError) {
    // standard error itself may be what failed
    await io.stderr.write(`error: ${visibleLines(error.message)}\n`).catch(() => {});
    return exitCodes.trouble;
  }
  const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  await io.stderr.write(
    `error: this is a bug in weir; please report it with the input that shows it\n${visibleLines(stack)}\n`,
  );
  return exitCodes.bug;
}

/** The version in the nearest package.json above this file: the same for sources and for the built package. */
function versionOfPackage(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) folder = dirname(folder);
  const content: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const isVersioned = typeof content === "object" && content !== null && "version" in content;
  return isVersioned ? String(content.version) : "unknown";
}
