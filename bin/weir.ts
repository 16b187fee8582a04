#!/usr/bin/env node
import { compilerCommands } from "../compiler/cli/commands.ts";
import { processIo } from "../compiler/cli/io.ts";
import { run } from "../compiler/cli/main.ts";
import { runtimeCommands } from "../runtime/cli/commands.ts";

const commands = [...compilerCommands, ...runtimeCommands];
const args = process.argv.slice(2);
const isInternal = args[0]?.startsWith("internal-") === true;
const internal = isInternal ? await (await import("../runtime/cli/internal.ts")).runInternal(args) : null;

// not process.exit, which would cut off what is still on its way to a pipe
process.exitCode = internal ?? (await run(args, processIo(), commands));
