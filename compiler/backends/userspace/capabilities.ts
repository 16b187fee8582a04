import type { BackendLimits } from "../limits.ts";

/**
 * A proxy opens connections of its own: endpoints see the node as client, always, so nothing is left to masquerade and
 * nobody is ever sent to itself. Node.js has no SCTP.
 */
export const userspaceLimits: BackendLimits = {
  backend: "userspace",
  spreading: "in turn by weight",
  protocols: ["tcp", "udp"],
  keepsSource: false,
};
