import type { Step } from "../../compiler/backends/step.ts";
import { assert } from "../../compiler/result.ts";
import type { Host } from "../host/host.ts";
import { runNft } from "../planes/nftables-tool.ts";
import type { Executor } from "../planes/plane.ts";

/** Carries out `nft` steps: each is one transaction, so that a step that fails leaves nothing behind. */
export const nftExecutor: Executor = {
  execute: (host, step) => feed(host, [], step, "change"),
  /** The kernel does the whole transaction and takes it back. */
  check: (host, step) => feed(host, ["--check"], step, "try a change of"),
};

async function feed(host: Host, options: readonly string[], step: Step, verb: string): Promise<void> {
  assert(step.kind === "nft", `nft cannot carry out a step of kind ${step.kind}`);
  await runNft(host, {
    args: [...options, "--file", "-"],
    doing: `${verb} the nftables tables of weir`,
    input: step.input,
    isLoad: step.operations.every(({ action }) => action === "load"),
  });
}
