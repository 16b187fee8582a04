import type { BackendProgram } from "../desired/programs.ts";
import type { ServedFrontends, Wanted } from "./served.ts";
import { servedByIptables } from "./served-iptables.ts";
import { servedByIpvs } from "./served-ipvs.ts";
import { servedByNft } from "./served-nftables.ts";

/** The frontends that a program of any backend serves. */
export function servedBy(desired: BackendProgram, wanted: Wanted = "all"): ServedFrontends {
  switch (desired.backend) {
    case "iptables":
      return servedByIptables(desired.program, wanted);
    case "userspace":
      return servedByIptables(desired.program.rules, wanted);
    case "nftables":
      return servedByNft(desired.program, wanted);
    case "ipvs":
      return servedByIpvs(desired.program, wanted);
  }
}
