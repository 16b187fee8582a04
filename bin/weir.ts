#!/usr/bin/env node
import { compilerCommands } from "../compiler/cli/commands.ts";
import { processIo } from "../compiler/cli/io.ts";
import { run } from "../compiler/cli/main.ts";

// not process.exit, which would cut off what is still on its way to a pipe
process.exitCode = await run(process.argv.slice(2), processIo(), compilerCommands);
