import { assert } from "../../compiler/result.ts";
import { deleteFlows } from "../netlink/conntrack.ts";
import type { Executor } from "../planes/plane.ts";

/** Entries of connection tracking that would lead packets on to where nobody is, or past a service that is new. */
export const flowsExecutor: Executor = {
  execute: async (host, step) => {
    assert(step.kind === "flows", `a step of kind ${step.kind} for connection tracking`);
    await deleteFlows(host, step.flows);
  },
  // what is not there any more needs no deleting
  check: async () => {},
};
