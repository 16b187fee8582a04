import type { BackendProgram } from "../desired/programs.ts";
import type { ServedFrontends } from "./served.ts";
import { servedByIptables } from "./served-iptables.ts";
import { servedByIpvs } from "./served-ipvs.ts";
import { servedByNft } from "./served-nftables.ts";

/** The frontends that a program of any backend serves. */
export function servedBy(desired: BackendProgram): ServedFrontends {
  switch (desired.backend) {
    case "iptables":
      return servedByIptables(desired.program);
    case "userspace":
      return servedByIptables(desired.program.rules);
    case "nftables":
      return servedByNft(desired.program);
    case "ipvs":
      return servedByIpvs(desired.program);
  }
}
