import type { Step } from "../../compiler/backends/step.ts";
import { assert } from "../../compiler/result.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { checkRequest } from "../netlink/ipvs-check.ts";
import { openIpvs } from "../netlink/ipvs-client.ts";
import type { Executor } from "../planes/plane.ts";

/** Virtual and real servers. Requests before one that fails are done, and safe to repeat. */
export const ipvsExecutor: Executor = {
  execute: async (host: Host, step: Step) => {
    assert(step.kind === "ipvs", `a step of kind ${step.kind} for IPVS`);
    const client = await openIpvs(host);
    if (client === null) {
      // nothing can be there to be deleted
      if (step.requests.every(({ op }) => op === "delete-service" || op === "delete-dest")) return;
      throw new HostError("unsupported", "this kernel has no IPVS", { help: "modprobe ip_vs" });
    }
    try {
      await client.send(step.requests);
    } finally {
      client.close();
    }
  },
  // the kernel cannot be asked without doing it
  check: async (_host, step) => {
    assert(step.kind === "ipvs", `a step of kind ${step.kind} for IPVS`);
    step.requests.forEach(checkRequest);
  },
};
