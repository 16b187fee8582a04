import { type DefineCommand, examples } from "../../compiler/cli/commands.ts";
import type { DoctorOptions } from "./doctor.ts";
import { stateOption, subjectOptions } from "./options.ts";
import type { StatusOptions } from "./status.ts";

const defineStatus: DefineCommand = (program, start) => {
  const command = stateOption(subjectOptions(program.command("status")))
    .summary("how this node's kernel differs from what it should hold")
    .description(
      "Reads what weir owns in the kernel and compares it with what was applied last, or with PATH, in terms of services.\n" +
        "Exit: 0 no difference, 1 the kernel differs, 2 it cannot be read, 64 wrong usage.",
    )
    .option("--backend <name>", "which of PATH's backends (default: the one that was applied last)")
    .addHelpText(
      "after",
      examples([
        ["weir status", "against what was applied last"],
        ["weir status build/worker-1", "against an artifact that was compiled and reviewed"],
        ["weir status --json", "with every operation that is missing"],
      ]),
    );
  command.action((inputs: readonly string[], options: StatusOptions) =>
    start(command, async (context) => (await import("./status.ts")).status(context, inputs, options)),
  );
};

const defineDoctor: DefineCommand = (program, start) => {
  const command = subjectOptions(program.command("doctor"))
    .summary("what this node can do, and what an artifact lacks here")
    .description(
      "Looks at the kernel, its modules and settings, at tools and other programs that manage rules; with PATH, at what an " +
        "artifact or a spec needs of them. It changes nothing. An ordinary user sees less, and is told what.\n" +
        "Exit: 0 it can be applied, 1 something that it needs is missing, 2 trouble, 64 wrong usage.",
    )
    .option("--backend <name>", "which of PATH's backends (default: the one that apply would take)")
    .addHelpText(
      "after",
      examples([
        ["weir doctor", "the node alone"],
        ["weir doctor build/worker-1", "and what that artifact needs"],
        ["weir doctor shop.weir --node worker-1 --backend ipvs", "could it move to IPVS?"],
      ]),
    );
  command.action((inputs: readonly string[], options: DoctorOptions) =>
    start(command, async (context) => (await import("./doctor.ts")).doctor(context, inputs, options)),
  );
};

/** The commands that look at a node and change nothing. */
export const inspectCommands: readonly DefineCommand[] = [defineStatus, defineDoctor];
