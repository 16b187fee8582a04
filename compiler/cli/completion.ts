import type { Command, Option } from "commander";
import type { Context } from "./context.ts";
import { exitCodes, UsageError } from "./exit.ts";

/** `weir completion`: a script made from the commands themselves, so that it knows all of them. */
export async function completion(context: Context, program: Command, shell: string): Promise<number> {
  const commands = program.commands.map(describe);
  switch (shell) {
    case "bash":
      await context.io.stdout.write(bashScript(commands));
      return exitCodes.ok;
    case "zsh":
      await context.io.stdout.write(zshScript(commands));
      return exitCodes.ok;
    case "fish":
      await context.io.stdout.write(fishScript(commands));
      return exitCodes.ok;
    default:
      throw new UsageError(`there is no completion for ${JSON.stringify(shell)}; use bash, zsh or fish`);
  }
}

interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Option[];
  readonly words: readonly string[];
}

const shells = ["bash", "zsh", "fish"];

function describe(command: Command): Described {
  return {
    name: command.name(),
    summary: command.summary(),
    options: command.options,
    words: command.name() === "completion" ? shells : [],
  };
}

function flagsOf(option: Option): readonly string[] {
  // `-W` alone means nothing to a reader of the list: its one value is written with it
  if (option.long === undefined) return (option.argChoices ?? []).map((choice) => `${option.short}${choice}`);
  return option.short === undefined ? [option.long] : [option.long, option.short];
}

function bashScript(commands: readonly Described[]): string {
  const cases = commands.map((command) => {
    const words = [...command.options.flatMap(flagsOf), ...command.words, "--help"].join(" ");
    return `    ${command.name}) words="${words}" ;;`;
  });
  const values = choicesOf(commands).map(
    ([flag, choices]) => `    "${flag}") COMPREPLY=($(compgen -W "${choices}" -- "$current")); return ;;`,
  );
  return `# bash completion for weir
_weir() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words="" command="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) command=$word; break ;; esac
  done
  case "$command $previous" in
${values.join("\n")}
  esac
  case $command in
    "") words="${commands.map((command) => command.name).join(" ")} --json --color --quiet --help --version" ;;
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _weir weir
`;
}

/** `COMMAND --option` of options whose values are known, with the values: commands have formats of their own. */
function choicesOf(commands: readonly Described[]): readonly (readonly [string, string])[] {
  return commands.flatMap(({ name, options }) =>
    options.flatMap(({ long, argChoices }) =>
      long === undefined || argChoices === undefined ? [] : [[`${name} ${long}`, argChoices.join(" ")] as const],
    ),
  );
}

function zshQuote(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&").replaceAll("'", "'\\''");
}

function zshScript(commands: readonly Described[]): string {
  const cases = commands.map((command) => {
    const lines = command.options.flatMap((option) =>
      flagsOf(option).map((flag) => {
        const choices = option.argChoices === undefined ? ":value:" : `:value:(${option.argChoices.join(" ")})`;
        const argument = option.required && option.long !== undefined ? choices : "";
        return `'*${flag}[${zshQuote(option.description)}]${argument}'`;
      }),
    );
    const rest = command.words.length > 0 ? `'*:shell:(${command.words.join(" ")})'` : "'*:file:_files'";
    return `    ${command.name}) _arguments ${[...lines, rest].join(" \\\n      ")} ;;`;
  });
  return `#compdef weir
_weir() {
  local -a commands=(
${commands.map((command) => `    '${zshQuote(command.name)}:${zshQuote(command.summary)}'`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _weir "$@"; else compdef _weir weir; fi
`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function fishScript(commands: readonly Described[]): string {
  const names = commands.map((command) => command.name).join(" ");
  const lines = ["# fish completion for weir"];
  for (const command of commands) {
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    lines.push(
      `complete -c weir -f -n "not __fish_seen_subcommand_from ${names}" -a ${command.name} -d ${fishQuote(command.summary)}`,
    );
    for (const option of command.options) {
      const long = option.long === undefined ? "" : ` -l ${option.long.slice(2)}`;
      const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
      const choices = option.argChoices === undefined ? "" : ` -a ${fishQuote(option.argChoices.join(" "))}`;
      const files = option.argChoices === undefined ? "-r" : "-x";
      const argument = option.required ? ` ${files}${choices}` : "";
      lines.push(`complete -c weir -n "${seen}"${short}${long}${argument} -d ${fishQuote(option.description)}`);
    }
    if (command.words.length > 0)
      lines.push(`complete -c weir -f -n "${seen}" -a ${fishQuote(command.words.join(" "))}`);
  }
  return `${lines.join("\n")}\n`;
}
