import { Option } from "commander";
import { collect, type DefineCommand, examples } from "../../compiler/cli/commands.ts";
import type { ApplyCommandOptions } from "./apply.ts";
import type { CleanupOptions } from "./cleanup.ts";
import { inspectCommands } from "./inspect-commands.ts";
import { stateOption, subjectOptions } from "./options.ts";
import { defineProxy } from "./proxy-command.ts";
import type { StateOptions } from "./with-site.ts";

const defineApply: DefineCommand = (program, start) => {
  const command = subjectOptions(stateOption(program.command("apply")))
    .summary("put rules into this node's kernel, with a way back")
    .description(
      "Brings the kernel to what an artifact or a spec says, with the least change, reads it back and compares. When a " +
        "step fails, the state before is restored. PATH is a node's folder of `weir compile`, the build folder that " +
        "holds it, or a spec, which is compiled in memory.\n" +
        "Exit: 0 done, 1 errors in the spec or failed and rolled back, 2 trouble before anything was changed, " +
        "3 failed and not wholly rolled back, 64 wrong usage.",
    )
    .addOption(
      new Option("--backend <name>", "auto is nftables where the node can do it, otherwise iptables")
        .choices(["auto", "iptables", "ipvs", "nftables", "userspace"])
        .default("auto"),
    )
    .option("--no-fallback", "a node without IPVS is an error, not a reason to use iptables")
    .addOption(
      new Option("--iptables <flavour>", "which iptables, instead of the one in use").choices(["nft", "legacy"]),
    )
    .option("--dry-run", "show the operations and change nothing")
    .option("--confirm <time>", "go back to the state before unless `weir confirm` comes within this time, 60s or 5m")
    .option("--drain-timeout <time>", "how long what leaves IPVS may wait for its connections", "15m")
    .option("--read-all", "read the kernel wholly, before and after, whatever is known of it")
    .option("--last", "put back what was confirmed last: for the start of a node")
    .addHelpText(
      "after",
      examples([
        ["weir apply build/worker-1", "what was compiled and reviewed"],
        ["weir apply shop.weir --node worker-1 --dry-run", "what would change"],
        ["weir apply build --confirm 60s", "and `weir confirm`, if you still reach the node"],
        ["weir apply build --backend ipvs --no-fallback", "move over to IPVS, or fail"],
        ["weir apply --last", "early at boot"],
      ]),
    );
  command.action((inputs: readonly string[], options: ApplyCommandOptions) =>
    start(command, async (context) => (await import("./apply.ts")).apply(context, inputs, options)),
  );
};

const defineConfirm: DefineCommand = (program, start) => {
  const command = stateOption(program.command("confirm"))
    .summary("keep what was applied with --confirm")
    .description(
      "Keeps what was applied with --confirm; without it the state before comes back when the time is over.\n" +
        "Exit: 0 it stays, 1 nothing waits for a confirmation, 2 trouble, 64 wrong usage.",
    )
    .addHelpText("after", examples([["weir confirm", "within the time that was given to apply"]]));
  command.action((options: StateOptions) =>
    start(command, async (context) => (await import("./confirm.ts")).confirm(context, options)),
  );
};

const defineRollback: DefineCommand = (program, start) => {
  const command = stateOption(program.command("rollback"))
    .summary("go back to the state before the last apply")
    .description(
      "Restores what the kernel held before the last apply; a second rollback goes one further back.\n" +
        "Exit: 0 done, 1 nothing to go back from, or not wholly restored, 2 trouble, 64 wrong usage.",
    )
    .addHelpText(
      "after",
      examples([
        ["weir rollback", "undo the last apply"],
        ["weir rollback --json", "with the generation that is current now"],
      ]),
    );
  command.action((options: StateOptions) =>
    start(command, async (context) => (await import("./rollback.ts")).rollback(context, options)),
  );
};

const defineCleanup: DefineCommand = (program, start) => {
  const command = stateOption(program.command("cleanup"))
    .summary("remove everything of weir's from this node's kernel")
    .description(
      "Removes tables, chains, sets, virtual servers and routes of weir's, and nothing else. What was applied before is " +
        "kept in the state folder, but nothing of it comes back at the next boot.\n" +
        "Exit: 0 nothing of weir's is there any more, 2 trouble, 64 wrong usage.",
    )
    .option("--backend <list>", "iptables, ipvs, nftables, userspace, all (the default)", collect)
    .option("--dry-run", "show what would go and change nothing")
    .addHelpText(
      "after",
      examples([
        ["weir cleanup --dry-run", "what is there of weir's"],
        ["weir cleanup", "all of it away"],
        ["weir cleanup --backend iptables", "what a move to another backend has left"],
      ]),
    );
  command.action((options: CleanupOptions) =>
    start(command, async (context) => (await import("./cleanup.ts")).cleanup(context, options)),
  );
};

/** The commands that meet a kernel. */
export const runtimeCommands: readonly DefineCommand[] = [
  defineApply,
  defineConfirm,
  defineRollback,
  ...inspectCommands,
  defineProxy,
  defineCleanup,
];
