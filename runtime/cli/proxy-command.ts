import { Option } from "commander";
import { collect, type DefineCommand, examples } from "../../compiler/cli/commands.ts";
import { stateOption, subjectOptions } from "./options.ts";
import type { ProxyCommandOptions } from "./proxy-options.ts";

/** The command that carries connections itself. */
export const defineProxy: DefineCommand = (program, start) => {
  const command = stateOption(subjectOptions(program.command("proxy")))
    .summary("carry connections itself, as the userspace backend does")
    .description(
      "Listens, and carries every connection to an endpoint of its service, until SIGTERM or Ctrl-C; a second one ends the\n" +
        "connections that are left. Without --listen it listens where the redirect rules of `weir apply --backend userspace`\n" +
        "lead; without PATH it follows what is applied. A changed PATH, or SIGHUP, makes it go on with the new table.\n" +
        "With --listen it needs no rules and no privileges, and prints which port stands for which service address.\n" +
        "Exit: 0 ended by a signal, 1 errors in the spec, 2 it can listen nowhere or something cannot be read, 64 wrong usage.",
    )
    .option("--listen <list>", "addresses to listen on without rules; `services`: those of the services", collect)
    .option("--ports <range>", "for services whose port is not to be had on --listen (default: 20000-29999)")
    .option("--drain <time>", "how long connections may go on after their endpoint left, or SIGTERM came", "30s")
    .option("--dial-timeout <time>", "how long to look for an endpoint that answers", "10s")
    .option("--idle-timeout <time>", "ends TCP connections without a byte for so long", "24h")
    .option("--stall-timeout <time>", "ends TCP connections whose receiver takes nothing for so long", "5m")
    .option("--udp-timeout <time>", "forgets UDP clients that were silent for so long", "1m")
    .option("--max-connections <number>", "at the same time (default: what the limit of open files allows)")
    .option("--max-per-client <number>", "of one client address (default: no limit)")
    .option("--max-memory <size>", "no new connections above it: 512MiB, 2GiB (default: 80 % of what there is)")
    .option("--resend <size>", "repeat so much to another endpoint when one resets before it answers (default: 0)")
    .option("--metrics <address:port>", "where to answer /metrics (for Prometheus) and /healthz")
    .addOption(
      new Option("--log <form>", "form of the log on standard error").choices(["text", "json"]).default("text"),
    )
    .addHelpText(
      "after",
      examples([
        ["weir proxy shop.weir --node worker-1 --listen 127.0.0.1", "try a spec, as an ordinary user"],
        ["weir proxy --metrics 127.0.0.1:9090", "behind the rules of weir apply, whatever it applies"],
        ["weir proxy build/worker-1 --log json", "what was compiled, again after every change"],
      ]),
    );
  command.action((inputs: readonly string[], options: ProxyCommandOptions) =>
    start(command, async (context) => (await import("./proxy.ts")).proxy(context, inputs, options)),
  );
};
