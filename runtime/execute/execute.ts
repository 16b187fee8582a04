import type { Step, StepKind } from "../../compiler/backends/step.ts";
import type { Host } from "../host/host.ts";
import type { Executor } from "../planes/plane.ts";

/** Loads one executor's code; a node uses few of them. */
async function executorOf(kind: StepKind): Promise<Executor> {
  switch (kind) {
    case "nft":
      return (await import("./nft.ts")).nftExecutor;
    case "iptables":
      return (await import("./iptables.ts")).iptablesExecutor;
    case "ipvs":
      return (await import("./ipvs.ts")).ipvsExecutor;
    case "routing":
      return (await import("./routing.ts")).routingExecutor;
    case "flows":
      return (await import("./flows.ts")).flowsExecutor;
    case "ipset":
      return (await import("./ipset.ts")).ipsetExecutor;
    case "sysctl":
      return (await import("./sysctl.ts")).sysctlExecutor;
  }
}

/** Carries a step out. Throws HostError. */
export async function executeStep(host: Host, step: Step): Promise<void> {
  await (await executorOf(step.kind)).execute(host, step);
}

/** Asks whether a step would be taken. Throws HostError. */
export async function checkStep(host: Host, step: Step): Promise<void> {
  await (await executorOf(step.kind)).check(host, step);
}
