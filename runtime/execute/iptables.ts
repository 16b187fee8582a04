import type { Step } from "../../compiler/backends/step.ts";
import { assert } from "../../compiler/result.ts";
import { HostError } from "../host/error.ts";
import { chooseFlavour, iptablesTool } from "../host/flavour.ts";
import type { Host } from "../host/host.ts";
import { iptablesFlavourReport } from "../planes/iptables.ts";
import type { Executor } from "../planes/plane.ts";
import { restoreTrouble } from "./iptables-errors.ts";

type IptablesStep = Extract<Step, { readonly kind: "iptables" }>;

/** How long to wait for another program that holds the lock of iptables-legacy. */
const lockSeconds = 60;
/** 20,000 services with 8 endpoints each take seconds; a slow machine may be busy with other things too. */
const timeoutMs = 900_000;

/**
 * Carries out `iptables` steps. Each table of a step changes as a whole or not at all; when a later table is refused,
 * those before it have changed, and only those.
 */
export const iptablesExecutor: Executor = {
  execute: (host, step) => restore(host, step, []),
  /** Both flavours parse every line; what only the kernel knows, such as missing chains, is not tried. */
  check: (host, step) => restore(host, step, ["--test"]),
};

async function restore(host: Host, step: Step, options: readonly string[]): Promise<void> {
  assert(step.kind === "iptables", `iptables cannot carry out a step of kind ${step.kind}`);
  const tool = await restoreTool(host, step);
  // standard input is what both flavours read without a file name; a dash is one to the legacy flavour
  const argv = [tool, "--noflush", "-w", `${lockSeconds}`, ...options];
  // it says nothing on standard output, unless asked to list a table
  const { status, stderr } = await host.run({ argv, input: step.input, discardOutput: true, timeoutMs });
  if (status !== 0) throw restoreTrouble(tool, status, stderr, step.input);
}

async function restoreTool(host: Host, { flavour, family }: IptablesStep): Promise<string> {
  const chosen = flavour ?? chooseFlavour(await iptablesFlavourReport(host), null);
  const tool = await iptablesTool(host, chosen, family, "restore");
  if (tool !== null) return tool;
  const missing = `${family === "ipv4" ? "iptables" : "ip6tables"}-${chosen}-restore`;
  throw new HostError("tool-missing", `there is no program ${missing} on this node`, {
    help: "install it: apt-get install iptables",
  });
}
