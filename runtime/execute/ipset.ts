import { assert } from "../../compiler/result.ts";
import { restoreSets } from "../planes/ipvs-tool.ts";
import type { Executor } from "../planes/plane.ts";

/** Sets. Lines before one that fails are done, and safe to repeat. */
export const ipsetExecutor: Executor = {
  execute: async (host, step) => {
    assert(step.kind === "ipset", `a step of kind ${step.kind} for ipset`);
    await restoreSets(host, step.input);
  },
  // the tool has no way to ask without doing it
  check: async () => {},
};
