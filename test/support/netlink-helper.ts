import { runIpvsChild } from "../../runtime/netlink/ipvs-child.ts";

/** Speaks netlink for a test, in the namespace where it is started: `netlinkHelper` of a Host. */
await runIpvsChild();
