import { type Command, Option } from "commander";
import type { CheckOptions } from "./check.ts";
import type { CompileOptions } from "./compile.ts";
import type { Context } from "./context.ts";
import type { ConvertOptions } from "./convert.ts";
import type { DiffOptions } from "./diff.ts";
import type { ExplainOptions } from "./explain.ts";
import type { FmtOptions } from "./fmt.ts";
import type { TestOptions } from "./test.ts";
import type { TraceOptions } from "./trace.ts";
import type { VerifyOptions } from "./verify.ts";

/** A command's work; resolves to the exit code. */
export type Work = (context: Context) => Promise<number>;

/** Runs the work of the command that was named, with the global options of the same command line. */
export type Start = (command: Command, work: Work) => Promise<void>;

/** Adds a command to the program. Its code is imported when it is run, so that short commands start fast. */
export type DefineCommand = (program: Command, start: Start) => void;

/** Of an option that may be repeated: all its values. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function paths(command: Command): Command {
  return command
    .argument("<PATH...>", "files or folders (.weir, .yaml, .yml, .json); - is standard input")
    .option("--stdin-name <path>", "name of what is read from standard input: for messages, language and includes");
}

function nodes(command: Command): Command {
  return command
    .option("--node <name>", "for this node; may be repeated", collect)
    .option("--node-address <list>", "addresses of the node, instead of those in the spec", collect)
    .option("--node-pods <list>", "pod ranges of the node, instead of those in the spec", collect)
    .option("--node-zone <name>", "zone of the node, instead of the one in the spec");
}

const warningsOption = (): Option => new Option("-W <what>", "-Werror: warnings count as errors").choices(["error"]);

const defineCheck: DefineCommand = (program, start) => {
  const command = nodes(paths(program.command("check")))
    .summary("find what is wrong with a spec")
    .description(
      "Parses, resolves and validates a spec for every node that it declares, or for those of --node.\n" +
        "Exit: 0 no errors, 1 errors, 2 something could not be read, 64 wrong usage.",
    )
    .option(
      "--backend <list>",
      "also ask these backends whether they can do it: iptables, ipvs, nftables, userspace, all",
      collect,
    )
    .addOption(new Option("--format <format>", "form of the findings").choices(["text", "json", "github", "sarif"]))
    .addOption(warningsOption())
    .addHelpText(
      "after",
      examples([
        ["weir check shop.weir", "one file"],
        ["weir check -Werror --backend nftables specs/", "a folder, strictly, for nftables"],
        ["weir check --format sarif specs/ > weir.sarif", "for a code-scanning service"],
        ["kubectl get svc,endpointslices,nodes -A -o json | weir check -", "what a cluster has"],
      ]),
    );
  command.action((inputs: readonly string[], options: CheckOptions) =>
    start(command, async (context) => (await import("./check.ts")).check(context, inputs, options)),
  );
};

const defineFmt: DefineCommand = (program, start) => {
  const command = paths(program.command("fmt"))
    .summary("lay .weir files out in the one canonical way")
    .description(
      "Rewrites .weir files in their canonical layout; comments stay. Standard input is written to standard output.\n" +
        "Exit: 0 done, 1 errors in a file or (--check) a file would change, 2 something could not be read or written.",
    )
    .option("--check", "change nothing; print the files that would change")
    .addHelpText(
      "after",
      examples([
        ["weir fmt specs/", "every .weir file in a folder"],
        ["weir fmt --check specs/", "for continuous integration"],
        ["weir fmt - < shop.weir", "for an editor"],
      ]),
    );
  command.action((inputs: readonly string[], options: FmtOptions) =>
    start(command, async (context) => (await import("./fmt.ts")).fmt(context, inputs, options)),
  );
};

const defineConvert: DefineCommand = (program, start) => {
  const command = paths(program.command("convert"))
    .summary("translate between the language and Kubernetes objects")
    .description(
      "Prints the whole spec in the language (weir) or as Kubernetes objects (k8s). What cannot be carried over is an error.\n" +
        "Exit: 0 done, 1 errors, 2 something could not be read, 64 wrong usage.",
    )
    .addOption(new Option("--to <language>", "what to print").choices(["weir", "k8s"]).makeOptionMandatory())
    .addHelpText(
      "after",
      examples([
        ["weir convert --to weir objects.yaml > shop.weir", "from Kubernetes"],
        ["weir convert --to k8s shop.weir", "and back"],
      ]),
    );
  command.action((inputs: readonly string[], options: ConvertOptions) =>
    start(command, async (context) => (await import("./convert.ts")).convert(context, inputs, options)),
  );
};

const defineCompile: DefineCommand = (program, start) => {
  const command = nodes(paths(program.command("compile")))
    .summary("write the rules for one node or all")
    .description(
      "Writes, for each node, a folder of rules, manifest.json and sources.json: all of them, or none after an error.\n" +
        "-o - prints the files instead, each after a line with its path.\n" +
        "Exit: 0 done, 1 errors in the spec, 2 something could not be read or written, 64 wrong usage.",
    )
    .option("--all-nodes", "for every node that the spec declares; nodes that it no longer declares leave the folder")
    .option("--backend <list>", "iptables, ipvs, nftables, userspace, all (the default)", collect)
    .option("--verify", "prove the rules before anything is written, as weir verify does")
    .requiredOption("-o, --output <folder>", "where to write; - is standard output")
    .addOption(warningsOption())
    .addHelpText(
      "after",
      examples([
        ["weir compile shop.weir --all-nodes -o build", "all nodes, all backends"],
        ["weir compile shop.weir --node worker-1 --backend nftables -o -", "one ruleset, to look at"],
        ["weir compile objects.yaml --node edge --node-address 192.0.2.9 -o build", "a node that no input describes"],
      ]),
    );
  command.action((inputs: readonly string[], options: CompileOptions) =>
    start(command, async (context) => (await import("./compile.ts")).compile(context, inputs, options)),
  );
};

const defineVerify: DefineCommand = (program, start) => {
  const command = nodes(paths(program.command("verify")))
    .summary("prove that the rules do what the spec says")
    .description(
      "Compiles, reads the printed rules back and follows one packet of every kind through them, for each backend.\n" +
        "A difference is shown with its packet, what the spec says, what the rules do, and by which rules.\n" +
        "With --compiled the rules are those of a folder that weir compile wrote from the same spec.\n" +
        "Exit: 0 none, 1 a difference or errors in the spec, 2 something could not be read, 64 wrong usage.",
    )
    .option("--backend <list>", "iptables, ipvs, nftables, userspace, all (the default)", collect)
    .option("--compiled <folder>", "a node's folder, or a build with several: its rules, and not freshly compiled ones")
    .addHelpText(
      "after",
      examples([
        ["weir verify shop.weir", "all nodes, all backends"],
        ["weir verify specs/ --compiled build", "what was compiled from them, before it is shipped"],
        ["weir verify specs/ --node worker-1 --backend nftables", "one of each"],
        ["weir verify --json specs/", "for a program"],
      ]),
    );
  command.action((inputs: readonly string[], options: VerifyOptions) =>
    start(command, async (context) => (await import("./verify.ts")).verify(context, inputs, options)),
  );
};

const defineTest: DefineCommand = (program, start) => {
  const command = nodes(paths(program.command("test")))
    .summary("hold every backend to the spec's expect lines")
    .description(
      "Sends the packet of each expect line through the rules of every backend, as printed, without a kernel.\n" +
        "Exit: 0 all as expected, 1 errors in the spec or something else came out, 2 something could not be read.",
    )
    .option("--backend <list>", "iptables, ipvs, nftables, userspace, all (the default)", collect)
    .addOption(new Option("--format <format>", "form of the results").choices(["text", "json", "junit"]))
    .addHelpText(
      "after",
      examples([
        ["weir test specs/", "every expect line, on its node or on all"],
        ["weir test --backend nftables --node worker-1 shop.weir", "one node, one backend"],
        ["weir test --format junit specs/ > weir-junit.xml", "for continuous integration"],
      ]),
    );
  command.action((inputs: readonly string[], options: TestOptions) =>
    start(command, async (context) => (await import("./test.ts")).test(context, inputs, options)),
  );
};

const defineTrace: DefineCommand = (program, start) => {
  const command = nodes(program.command("trace"))
    .summary("where a packet goes, and through which rules")
    .usage("[options] <PATH...> <PROTO> <SRC> <DST:PORT>")
    .description(
      "Follows the first packet of a connection through the rules of one node, each with the line of the spec that it is for.\n" +
        "PATH is as for the other commands; the last three words are the packet: tcp 10.244.1.5 10.96.0.10:80.\n" +
        "Exit: 0 found, 1 errors in the spec, 2 something could not be read, 64 wrong usage.",
    )
    .argument("<PATH... PROTO SRC DST:PORT...>", "files or folders, then protocol, source and destination")
    .option("--stdin-name <path>", "name of what is read from standard input: for messages, language and includes")
    .option(
      "--backend <list>",
      "iptables, ipvs, nftables, userspace, all; without it nftables, or another one if it cannot do what the spec says",
      collect,
    )
    .option("--input-interface <name>", "the interface that the packet comes in by")
    .option("--after <address:port>", "the same client was connected to this endpoint before: for session affinity")
    .addHelpText(
      "after",
      examples([
        ["weir trace shop.weir --node worker-1 tcp 10.244.2.9 10.96.0.10:80", "a pod's packet to a VIP"],
        ["weir trace specs/ --node worker-1 --backend all udp fd00::7 [fd00::53]:53", "all backends"],
        ["weir trace build/worker-1 tcp 192.0.2.7 10.96.0.10:80", "what was compiled"],
      ]),
    );
  command.action((words: readonly string[], options: TraceOptions) =>
    start(command, async (context) => (await import("./trace.ts")).trace(context, words, options)),
  );
};

const defineExplain: DefineCommand = (program, start) => {
  const command = nodes(program.command("explain"))
    .summary("what a name in the kernel's rules is, and for which service")
    .description(
      "From a chain, set, map element, virtual server, mark, proxy listener or comment back to the service and its line.\n" +
        "Without --node on every node of the input. Exit: 0 known, 1 unknown name or errors in the spec, 2 something could\n" +
        "not be read, 64 wrong usage.",
    )
    .argument("<NAME>", "as it is seen in the kernel, one word: quote it")
    .argument("<PATH...>", "files, folders, or what weir compile wrote; - is standard input")
    .option("--stdin-name <path>", "name of what is read from standard input: for messages, language and includes")
    .option("--backend <list>", "iptables, ipvs, nftables, userspace, all (the default)", collect)
    // names of virtual servers begin with a dash, as in ipvsadm: -t 10.96.0.10:80
    .allowUnknownOption()
    .addHelpText(
      "after",
      examples([
        ["weir explain WEIR-EP-shop-web-ht-5xr52qet shop.weir", "a chain of iptables"],
        ["weir explain '10.96.0.10 . tcp . 80' shop.weir", "an element of nftables"],
        ["weir explain 'fwmark 0x65c727df' build/", "a virtual server of what was compiled"],
      ]),
    );
  command.action((name: string, inputs: readonly string[], options: ExplainOptions) =>
    start(command, async (context) => (await import("./explain.ts")).explain(context, name, inputs, options)),
  );
};

const defineCompletion: DefineCommand = (program, start) => {
  const command = program
    .command("completion")
    .summary("print a completion script for a shell")
    .description("Prints a script that makes the shell complete weir's commands, options and files.")
    .argument("<SHELL>", "bash, zsh or fish")
    .addHelpText(
      "after",
      examples([
        ["source <(weir completion bash)", "for this shell; put it into ~/.bashrc for all"],
        ["weir completion zsh > ~/.zfunc/_weir", "with ~/.zfunc in fpath"],
        ["weir completion fish > ~/.config/fish/completions/weir.fish", ""],
      ]),
    );
  command.action((shell: string) =>
    start(command, async (context) => (await import("./completion.ts")).completion(context, program, shell)),
  );
};

/** `$ command    # remark` lines below the help of a command. */
export function examples(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([line]) => line.length));
  const shown = lines.map(([line, remark]) => `  $ ${remark === "" ? line : `${line.padEnd(width)}  # ${remark}`}`);
  return `\nExamples:\n${shown.join("\n")}`;
}

const defineDiff: DefineCommand = (program, start) => {
  const command = program
    .command("diff")
    .argument("<OLD...>", "files, folders or REVISION:PATH; or a range of git revisions and paths")
    .summary("tell what a change does to traffic")
    .description(
      "Compares two states of a spec: what changes for clients, what becomes of connections, and what it costs.\n" +
        "What newly can be reached from outside comes first. `main..` compares main with the files as they are.\n" +
        "Exit: 0 the same meaning, 1 different, 2 trouble, 3 something is newly exposed (--fail-on), 64 wrong usage.",
    )
    .option("--node <name>", "for this node; may be repeated", collect)
    .option("--backend <list>", "whose cost is told: iptables, ipvs, nftables, userspace, all (the default)", collect)
    .addOption(
      new Option("--format <format>", "form of the result").choices(["text", "markdown", "json", "html", "rules"]),
    )
    .addOption(new Option("--fail-on <what>", "exit with 3 when something is newly exposed").choices(["exposure"]))
    .addHelpText(
      "after",
      examples([
        ["weir diff reviewed/ specs/", "two folders"],
        ["weir diff main.. specs/", "the files as they are, with a branch"],
        ["weir diff --format markdown main...feature specs/", "a comment for a pull request"],
        ["weir diff --fail-on exposure main:specs specs", "for continuous integration"],
      ]),
    );
  command.action((inputs: readonly string[], options: DiffOptions) =>
    start(command, async (context) => (await import("./diff.ts")).diff(context, inputs, options)),
  );
};

/** The commands that need no kernel. */
export const compilerCommands: readonly DefineCommand[] = [
  defineCheck,
  defineFmt,
  defineConvert,
  defineCompile,
  defineDiff,
  defineVerify,
  defineTest,
  defineTrace,
  defineExplain,
  defineCompletion,
];
