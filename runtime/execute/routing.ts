import { assert } from "../../compiler/result.ts";
import { changeRouting } from "../netlink/route.ts";
import type { Executor } from "../planes/plane.ts";

/** Rules and local routes. Changes before one that fails are done, and safe to repeat. */
export const routingExecutor: Executor = {
  execute: async (host, step) => {
    assert(step.kind === "routing", `a step of kind ${step.kind} for routing`);
    await changeRouting(host, step.changes);
  },
  // the kernel cannot be asked without doing it
  check: async () => {},
};
